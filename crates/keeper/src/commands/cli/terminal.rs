//! The terminal: lines with history and completion, and events that come meanwhile.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use keeper_client::Events;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Editor, ExternalPrinter};
use tokio::runtime::Handle;

use super::completion::Verbs;
use super::shell::Shell;

/// The first line waits so long for a connection.
const PATIENCE: Duration = Duration::from_secs(1);
/// Lines kept from one run to the next.
const HISTORY_MAX: usize = 1000;

/// Reads lines and runs them, until the end of the input or `quit`; the exit code.
pub(super) async fn run(mut shell: Shell) -> Result<u8> {
    println!("Welcome to ZooKeeper!");
    let config = Config::builder()
        .max_history_size(HISTORY_MAX)?
        .completion_type(CompletionType::List)
        .build();
    let mut editor: Editor<Verbs, DefaultHistory> =
        Editor::with_config(config).context("prepare the terminal")?;
    editor.set_helper(Some(Verbs::new(shell.client.clone(), Handle::current())));
    let history = history_file();
    if let Some(file) = &history {
        // None at the first time.
        let _ = editor.load_history(file);
    }
    if let Err(error) = shell.client.wait_connected(PATIENCE).await {
        println!("{error}; trying on");
    }
    print_events(&mut editor, &mut shell)?;
    while !shell.quit {
        let prompt = shell.prompt();
        // The editor waits for keys on a thread that may wait.
        let (line, back) = tokio::task::block_in_place(|| (editor.readline(&prompt), editor));
        editor = back;
        match line {
            Ok(line) => {
                let _ = editor.add_history_entry(&line);
                let before = shell.host.clone();
                shell.execute_line(&line).await;
                if shell.host != before || line.trim_start().starts_with("connect") {
                    editor.set_helper(Some(Verbs::new(shell.client.clone(), Handle::current())));
                    print_events(&mut editor, &mut shell)?;
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error).context("read from the terminal"),
        }
    }
    if let Some(file) = &history {
        if let Some(folder) = file.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        if let Err(error) = editor.save_history(file) {
            tracing::warn!(%error, file = %file.display(), "the history is not saved");
        }
    }
    shell.close().await;
    Ok(shell.code())
}

/// Prints events above the line that is being edited.
fn print_events(editor: &mut Editor<Verbs, DefaultHistory>, shell: &mut Shell) -> Result<()> {
    let events = shell.take_events();
    let printer = editor.create_external_printer().context("prepare the terminal")?;
    tokio::spawn(forward(events, printer, shell.print_watches.clone()));
    Ok(())
}

async fn forward(mut events: Events, mut printer: impl ExternalPrinter, wanted: Arc<AtomicBool>) {
    while let Some(event) = events.next().await {
        let text = match event {
            Ok(event) => format!("\nWATCHER::\n\n{event}\n"),
            Err(lost) => format!("\n{lost} events are not shown: too many came at once\n"),
        };
        if wanted.load(Ordering::Relaxed) && printer.print(text).is_err() {
            return;
        }
    }
}

/// `$XDG_STATE_HOME/riverkeeper/keeper-cli-history`, by default below `~/.local/state`.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    Some(state.or_else(home)?.join("riverkeeper/keeper-cli-history"))
}
