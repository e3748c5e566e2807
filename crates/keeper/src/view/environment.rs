//! The process and its machine, under the names of Java's system properties.
//!
//! There is no Java: what only that has is `<NA>`, as `Environment` says of what it does not find.
//! Rules: `Environment.list`.

use std::env;
use std::fs;

use super::VERSION;

/// What is not known.
const UNKNOWN: &str = "<NA>";

/// A name and its value.
pub type Entry = (&'static str, String);

/// All that there is to say.
pub fn environment() -> Vec<Entry> {
    let unknown = || UNKNOWN.to_owned();
    let line = |path: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.trim().is_empty() { unknown() } else { text.trim().to_owned() }
    };
    let folder = |folder: std::io::Result<std::path::PathBuf>| {
        folder.map_or_else(|_| unknown(), |folder| folder.display().to_string())
    };
    let memory = Memory::read();
    vec![
        ("zookeeper.version", VERSION.to_owned()),
        ("host.name", line("/proc/sys/kernel/hostname")),
        ("java.version", unknown()),
        ("java.vendor", unknown()),
        ("java.home", unknown()),
        ("java.class.path", unknown()),
        ("java.library.path", unknown()),
        ("java.io.tmpdir", env::temp_dir().display().to_string()),
        ("java.compiler", unknown()),
        ("os.name", os_name().to_owned()),
        ("os.arch", os_arch().to_owned()),
        ("os.version", line("/proc/sys/kernel/osrelease")),
        ("user.name", user()),
        ("user.home", env::var("HOME").unwrap_or_else(|_| unknown())),
        ("user.dir", folder(env::current_dir())),
        ("os.memory.free", format!("{}MB", memory.available >> 10)),
        ("os.memory.max", format!("{}MB", memory.total >> 10)),
        ("os.memory.total", format!("{}MB", memory.resident >> 10)),
    ]
}

/// As Java calls them.
fn os_name() -> &'static str {
    match env::consts::OS {
        "linux" => "Linux",
        "macos" => "Mac OS X",
        other => other,
    }
}

fn os_arch() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        other => other,
    }
}

/// Who runs this process.
pub fn user() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = user_of(&status, &users).map(str::to_owned);
    named.or_else(|| env::var("USER").ok()).unwrap_or_else(|| UNKNOWN.to_owned())
}

/// The name of the effective user in `/proc/self/status`, by `/etc/passwd`.
fn user_of<'u>(status: &str, users: &'u str) -> Option<&'u str> {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let id = ids.split_whitespace().nth(1)?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then_some(name)
    })
}

/// In KiB.
#[derive(Debug, Default, PartialEq, Eq)]
struct Memory {
    /// What this process has.
    resident: u64,
    /// What it may still have.
    available: u64,
    /// What the machine has.
    total: u64,
}

impl Memory {
    fn read() -> Self {
        let of_process = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let of_machine = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            resident: kibibytes(&of_process, "VmRSS:"),
            available: kibibytes(&of_machine, "MemAvailable:"),
            total: kibibytes(&of_machine, "MemTotal:"),
        }
    }
}

/// The number behind a name, in the kernel's text.
fn kibibytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_kernel() {
        let users = "root:x:0:0:root:/:/bin/sh\nzoo:x:1000:1000::/var/lib/zoo:/bin/sh\n";
        assert_eq!(user_of("Name:\tk\nUid:\t0\t1000\t0\t0\n", users), Some("zoo"));
        assert_eq!(user_of("Uid:\t7\t7\t7\t7\n", users), None);
        assert_eq!(kibibytes("VmPeak: 1 kB\nVmRSS:\t  2048 kB\n", "VmRSS:"), 2048);
        assert_eq!(kibibytes("", "VmRSS:"), 0);
    }

    #[test]
    fn names_are_javas() {
        let names: Vec<_> = environment().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 18);
        assert_eq!((names[0], names[17]), ("zookeeper.version", "os.memory.total"));
    }
}
