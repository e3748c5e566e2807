//! Checks logs, and repairs them where that is asked for.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use keeper_disk::FileKind;
use keeper_disk::disk::RealDisk;
use keeper_disk::log::{FileEnd, FileReport, cut_tail, repair, verify};
use serde_json::json;

use super::Verify;
use crate::commands::files::Files;

/// Reports on each log, oldest first. Exit code 1 for damage that was not repaired; a torn end of
/// the newest log is none, since a start cuts it.
pub(super) fn run(arguments: &Verify, out: &mut dyn Write) -> Result<ExitCode> {
    let files = Files::find(&arguments.path, FileKind::Log)?;
    let folder = if files.folder.as_os_str().is_empty() { Path::new(".") } else { &files.folder };
    let mut reports = verify(&RealDisk, folder)?;
    let newest = reports.last().map(|report| report.file.clone());
    let wanted: Vec<_> = files.paths().collect();
    let is_wanted =
        |report: &FileReport| wanted.iter().any(|path| path.file_name() == report.file.file_name());
    reports.retain(is_wanted);
    if reports.is_empty() {
        bail!("{} has no name of a log (log.<zxid>)", arguments.path.display());
    }
    let mut damaged = false;
    for report in &reports {
        let is_newest = Some(&report.file) == newest.as_ref();
        if arguments.json {
            writeln!(out, "{}", as_json(report, is_newest))?;
        } else {
            print(report, is_newest, out)?;
        }
        let repaired = arguments.repair && mend(report, is_newest, out)?;
        damaged |= !repaired && is_bad(report);
    }
    Ok(if damaged { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn is_bad(report: &FileReport) -> bool {
    !report.gaps.is_empty() || matches!(report.end, FileEnd::Damaged(_))
}

fn print(report: &FileReport, is_newest: bool, out: &mut dyn Write) -> Result<()> {
    let name = report.file.display();
    let range = match report.zxids {
        Some((first, last)) => format!(", {first} to {last}"),
        None => String::new(),
    };
    let verdict = match (&report.end, report.gaps.is_empty()) {
        (FileEnd::Clean, true) => "sound",
        (FileEnd::Torn(_), true) if is_newest => "torn end, which a start cuts",
        (FileEnd::Torn(_), true) => "torn end",
        _ => "DAMAGED",
    };
    writeln!(out, "{name}: {} transactions{range}: {verdict}", report.entries)?;
    for (before, after) in &report.gaps {
        writeln!(out, "  {after} follows {before}: transactions are missing or out of order")?;
    }
    match &report.end {
        FileEnd::Clean => {}
        FileEnd::Torn(tail) => writeln!(
            out,
            "  {} bytes from offset {}: {}; {} whole transactions among them",
            tail.bytes,
            tail.offset,
            tail.what,
            tail.whole.len(),
        )?,
        FileEnd::Damaged(damage) => {
            writeln!(out, "  at offset {}: {}", damage.offset, damage.what)?;
            writeln!(out, "  {}", damage.remedy)?;
        }
    }
    Ok(())
}

fn as_json(report: &FileReport, is_newest: bool) -> serde_json::Value {
    let (end, offset, what) = match &report.end {
        FileEnd::Clean => ("clean", None, None),
        FileEnd::Torn(tail) => ("torn", Some(tail.offset), Some(&tail.what)),
        FileEnd::Damaged(damage) => ("damaged", Some(damage.offset), Some(&damage.what)),
    };
    let gaps: Vec<_> = report
        .gaps
        .iter()
        .map(|(before, after)| json!([before.to_string(), after.to_string()]))
        .collect();
    json!({
        "file": report.file.to_string_lossy(),
        "newest": is_newest,
        "transactions": report.entries,
        "first": report.zxids.map(|(first, _)| first.to_string()),
        "last": report.zxids.map(|(_, last)| last.to_string()),
        "gaps": gaps,
        "end": end,
        "offset": offset,
        "what": what,
        "sound": !is_bad(report),
    })
}

/// Mends what one file can be mended of; whether all is well then. Missing transactions cannot be
/// brought back.
fn mend(report: &FileReport, is_newest: bool, out: &mut dyn Write) -> Result<bool> {
    match &report.end {
        FileEnd::Torn(tail) if is_newest => {
            cut_tail(&RealDisk, tail)?;
            writeln!(out, "  repaired: {tail}")?;
        }
        FileEnd::Damaged(_) => {
            repair_file(&report.file, out)?;
        }
        _ => {}
    }
    Ok(report.gaps.is_empty())
}

/// Keeps what is sound of a file.
pub(super) fn repair_file(file: &Path, out: &mut dyn Write) -> Result<ExitCode> {
    let repaired = repair(&RealDisk, file)?;
    let damaged = repaired.damaged.display();
    match repaired.last {
        Some(last) => writeln!(
            out,
            "  repaired: {} now ends with zxid {last}; {} bytes are left out. The damaged file is \
             {damaged}",
            file.display(),
            repaired.dropped,
        )?,
        None => writeln!(
            out,
            "  repaired: nothing in {} was sound. The damaged file is {damaged}",
            file.display(),
        )?,
    }
    Ok(ExitCode::SUCCESS)
}
