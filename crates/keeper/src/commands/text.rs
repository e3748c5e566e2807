//! Stats, permissions, data and dates as Apache's tools print them.

use std::fmt::Display;
use std::io::{self, Write};

use chrono::{Local, Offset, TimeZone};
use zk_wire::acl::{Acl, Id, perms};
use zk_wire::stat::Stat;

/// A stat, a line a field (`StatPrinter`).
pub(in crate::commands) fn print_stat(stat: &Stat, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "cZxid = {}", stat.czxid)?;
    writeln!(out, "ctime = {}", date(stat.ctime))?;
    writeln!(out, "mZxid = {}", stat.mzxid)?;
    writeln!(out, "mtime = {}", date(stat.mtime))?;
    writeln!(out, "pZxid = {}", stat.pzxid)?;
    writeln!(out, "cversion = {}", stat.cversion)?;
    writeln!(out, "dataVersion = {}", stat.version)?;
    writeln!(out, "aclVersion = {}", stat.aversion)?;
    writeln!(out, "ephemeralOwner = 0x{:x}", stat.ephemeral_owner)?;
    writeln!(out, "dataLength = {}", stat.data_length)?;
    writeln!(out, "numChildren = {}", stat.num_children)
}

/// A time as Java's `Date` prints it: `Thu Jan 01 00:00:00 UTC 1970`. Zones but UTC are shown
/// by their offset, where Java has their abbreviation.
pub(in crate::commands) fn date(millis: i64) -> String {
    date_in(&Local, millis)
}

/// The same in a zone.
pub(in crate::commands) fn date_in<Z: TimeZone>(zone: &Z, millis: i64) -> String
where
    Z::Offset: Display,
{
    let Some(time) = zone.timestamp_millis_opt(millis).single() else {
        return format!("{millis} ms");
    };
    let zone = match time.offset().fix().local_minus_utc() {
        0 => "UTC".to_owned(),
        _ => time.format("GMT%:z").to_string(),
    };
    format!("{} {zone} {}", time.format("%a %b %d %H:%M:%S"), time.format("%Y"))
}

/// Letters of permissions, in the order of `ZKUtil.getPermString`.
pub(in crate::commands) fn permissions(bits: i32) -> String {
    let letters = [
        (perms::CREATE, 'c'),
        (perms::DELETE, 'd'),
        (perms::READ, 'r'),
        (perms::WRITE, 'w'),
        (perms::ADMIN, 'a'),
    ];
    letters.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, letter)| letter).collect()
}

/// `scheme:id:perms,..`; what has no such form is passed over with a word, as zkCli does.
pub(in crate::commands) fn parse_acl(text: &str) -> Vec<Acl> {
    let mut list = Vec::new();
    for entry in text.split(',') {
        let parts = entry.split_once(':').and_then(|(scheme, rest)| {
            rest.rsplit_once(':').map(|(id, letters)| (scheme, id, letters))
        });
        let Some((scheme, id, letters)) = parts else {
            eprintln!("{entry} does not have the form scheme:id:perm");
            continue;
        };
        let mut bits = 0;
        for letter in letters.chars() {
            bits |= match letter {
                'r' => perms::READ,
                'w' => perms::WRITE,
                'c' => perms::CREATE,
                'd' => perms::DELETE,
                'a' => perms::ADMIN,
                _ => {
                    eprintln!("Unknown perm type: {letter}");
                    0
                }
            };
        }
        list.push(Acl { perms: bits, id: Id::new(scheme, id) });
    }
    list
}

/// Data as text, with U+FFFD for what is none.
pub(in crate::commands) fn plain(data: Option<&[u8]>) -> String {
    data.map_or("null".to_owned(), |data| String::from_utf8_lossy(data).into_owned())
}

/// Sixteen bytes a line, as Netty's `ByteBufUtil.prettyHexDump`.
pub(in crate::commands) fn hex_dump(data: &[u8]) -> String {
    if data.is_empty() {
        return String::new();
    }
    let ruler = format!("+--------+{}+{}+", "-".repeat(49), "-".repeat(16));
    let columns: String = (0..16).map(|column| format!("  {column:x}")).collect();
    let mut text = format!("         +{}+\n         |{columns} |\n{ruler}", "-".repeat(49));
    for (line, bytes) in data.chunks(16).enumerate() {
        let hex: String = bytes.iter().map(|byte| format!(" {byte:02x}")).collect();
        let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { *byte as char } else { '.' };
        let letters: String = bytes.iter().map(shown).collect();
        text.push_str(&format!("\n|{:08x}|{hex:<48} |{letters:<16}|", line * 16));
    }
    text.push('\n');
    text.push_str(&ruler);
    text
}
