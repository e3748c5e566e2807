//! Four-letter words: questions that stand in place of a client's first frame, answered in text.
//!
//! The client port calls [`answer`] when the first four bytes of a connection are a word
//! ([`zk_wire::four_letter::word`]), sends what it gives, and closes. Which words are answered is
//! `4lw.commands.whitelist`. Existing tools parse these texts: they are Apache's to the letter,
//! apart from the order of what comes out of its hash tables, which is sorted here.
//!
//! Rules: `FourLetterCommands`, `CommandExecutor` and the `*Command` classes beside it.

#[cfg(test)]
mod tests;
mod text;
mod whitelist;

use std::net::SocketAddr;

use crate::metrics;
use crate::server::Handle;
use crate::view;

pub use whitelist::Whitelist;

/// Bytes behind `stmk`: the mask.
pub const MASK_BYTES: usize = 8;

/// Of everything that needs the server, when it has ended.
const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests\n";

/// The text that answers a word. `rest`: what came behind it, for `stmk`; `from`: who asks.
pub async fn answer(word: &str, rest: &[u8], from: SocketAddr, handle: &Handle) -> String {
    if !handle.operations().whitelist.allows(word) {
        tracing::debug!("command {word} of {from} is not in 4lw.commands.whitelist");
        return format!("{word} is not executed because it is not in the whitelist.\n");
    }
    tracing::info!("processing {word} command from {from}");
    match word {
        "ruok" => "imok".to_owned(),
        "envi" => text::environment(&view::environment()),
        "gtmk" => handle.operations().trace_mask.get().to_string(),
        "stmk" => match rest.first_chunk() {
            Some(mask) => {
                handle.operations().trace_mask.set(i64::from_be_bytes(*mask));
                handle.operations().trace_mask.get().to_string()
            }
            None => String::new(),
        },
        _ => of_server(word, handle).await.unwrap_or_else(|| match word {
            "isro" => "null".to_owned(),
            _ => NOT_SERVING.to_owned(),
        }),
    }
}

/// The answers that need a running server; `None` if it has ended.
async fn of_server(word: &str, handle: &Handle) -> Option<String> {
    Some(match word {
        "isro" => handle.inspect(|_| "rw".to_owned()).await?,
        "srvr" => text::server(&view::server(handle).await?, None),
        "stat" => text::server(&view::server(handle).await?, Some(&view::connections(handle))),
        "cons" => text::connections(&view::connections(handle)),
        "crst" => {
            handle.connections().iter().for_each(|connection| connection.reset());
            "Connection stats reset.\n".to_owned()
        }
        "srst" => {
            handle.stats().reset();
            handle.metrics().reset();
            "Server stats reset.\n".to_owned()
        }
        "conf" => {
            let settings = view::settings(handle);
            let folders = folders(settings.clone()).await;
            text::settings(&settings, folders)
        }
        "dirs" => text::folders(folders(view::settings(handle)).await),
        "dump" => {
            let (sessions, ephemerals) =
                handle.inspect(|node| (view::sessions(node), view::ephemerals(node))).await?;
            text::dump(&sessions, &ephemerals, &view::connections(handle), handle.now())
        }
        "wchs" => text::watch_summary(handle.inspect(view::watch_summary).await?),
        "wchc" => text::watches_by_session(&watches(handle).await?),
        "wchp" => text::watches_by_path(&watches(handle).await?),
        "hash" => text::digests(&handle.inspect(view::digests).await?),
        "mntr" => {
            let gauges = view::gauges(handle).await?;
            text::monitor("standalone", &metrics::monitor(handle.metrics(), &gauges))
        }
        _ => String::new(),
    })
}

async fn watches(handle: &Handle) -> Option<view::Watches> {
    let connections = view::connections(handle);
    handle.inspect(move |node| view::watches(node, &connections)).await
}

/// Reads folders where that holds up nobody.
pub(crate) async fn folders(settings: view::Settings) -> view::Folders {
    let read = tokio::task::spawn_blocking(move || view::folders(&settings));
    read.await.unwrap_or_default()
}
