//! The prompt: statements over several lines, history, completion of words and table names.

use std::borrow::Cow;

use river_sql::catalog::Catalogs;
use river_sql::parse::{self, keyword};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper, Highlighter, Hinter};

use crate::script::Runner;

/// What `HELP` prints.
pub const HELP: &str = "\
Statements end with a semicolon and may span lines. Useful ones:
  SHOW TABLES;  DESCRIBE t;  SHOW CREATE TABLE t;  SHOW FUNCTIONS;
  SET 'parallelism.default' = '2';  RESET;
  SELECT ..;  INSERT INTO t SELECT ..;  EXPLAIN SELECT ..;
  EXECUTE STATEMENT SET BEGIN INSERT ..; INSERT ..; END;
  QUIT;
How results look: SET 'sql-client.execution.result-mode' = 'tableau' | 'changelog' | 'table';
Tab completes, the arrow keys recall, Ctrl-C clears the line or stops a running job.
";

#[derive(Helper, Hinter, Highlighter)]
struct Assistant {
    words: Vec<String>,
}

impl Assistant {
    /// Completes keywords, functions and what the catalog has now.
    fn refresh(&mut self, catalogs: &Catalogs) {
        self.words = keyword::words().map(str::to_owned).collect();
        self.words.extend(river_expr::function::names().map(str::to_owned));
        let tables = catalogs.objects(&catalogs.catalog, &catalogs.database).unwrap_or_default();
        self.words.extend(tables.into_iter().map(|(name, _)| name));
        self.words.retain(|w| w.starts_with(|c: char| c.is_alphabetic()));
        self.words.sort();
        self.words.dedup();
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = &line[..position];
        let start = before
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let typed = &before[start..];
        if typed.is_empty() {
            return Ok((start, Vec::new()));
        }
        let lower = typed.starts_with(|c: char| c.is_lowercase());
        let candidates = self.words.iter().filter_map(|word| {
            let head = word.get(..typed.len())?;
            if !head.eq_ignore_ascii_case(typed) {
                return None;
            }
            let all_caps = word.chars().all(|c| !c.is_lowercase());
            let text: Cow<'_, str> =
                if lower && all_caps { word.to_lowercase().into() } else { word.into() };
            Some(Pair { display: text.to_string(), replacement: text.into_owned() })
        });
        Ok((start, candidates.take(50).collect()))
    }
}

impl Validator for Assistant {
    /// A line ends the input only if every statement in it is complete.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let split = parse::split_statements(context.input());
        let word = context.input().trim().to_ascii_lowercase();
        let client_word = matches!(word.as_str(), "quit" | "exit" | "help" | "clear");
        Ok(if split.rest.is_some() && !client_word {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

/// Prompts until the user leaves.
pub fn run(mut runner: Runner) -> anyhow::Result<()> {
    let config = Config::builder().completion_type(CompletionType::List).build();
    let mut editor: Editor<Assistant, DefaultHistory> = Editor::with_config(config)?;
    let mut assistant = Assistant { words: Vec::new() };
    assistant.refresh(runner.session().catalogs());
    editor.set_helper(Some(assistant));
    let history = history_file();
    if let Some(path) = &history {
        let _ = editor.load_history(path);
    }
    println!("Flink SQL on one machine. HELP; shows what can be typed, QUIT; leaves.");
    loop {
        match editor.readline("river> ") {
            Ok(line) => {
                if line.trim().is_empty() {
                    continue;
                }
                let _ = editor.add_history_entry(line.as_str());
                if !run_line(&mut runner, &line) {
                    break;
                }
                if let Some(assistant) = editor.helper_mut() {
                    assistant.refresh(runner.session().catalogs());
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(path) = &history {
        let _ = editor.save_history(path);
    }
    Ok(())
}

/// Runs what was typed; `false`: the user wants to leave.
fn run_line(runner: &mut Runner, line: &str) -> bool {
    match line.trim().trim_end_matches(';').to_ascii_lowercase().as_str() {
        "quit" | "exit" => return false,
        "help" => {
            print!("{HELP}");
            return true;
        }
        "clear" => {
            print!("\x1b[2J\x1b[H");
            return true;
        }
        _ => {}
    }
    let statements = match parse::parse_script(line) {
        Ok(statements) => statements,
        Err(error) => {
            eprintln!("{}", river_sql::SqlError::from(error).render("<prompt>", line));
            return true;
        }
    };
    for statement in &statements {
        match runner.statement(statement, "<prompt>", line) {
            Ok(true) => {}
            Ok(false) => return false,
            Err(error) => {
                eprintln!("{error}");
                break;
            }
        }
    }
    true
}

fn history_file() -> Option<std::path::PathBuf> {
    let home = std::env::var_os("HOME")?;
    Some(std::path::PathBuf::from(home).join(".river_history"))
}
