//! Which words are answered. Rules: `FourLetterCommands.isEnabled`.

use std::collections::BTreeSet;

use zk_wire::four_letter::WORDS;

use crate::config::Properties;

/// The words that are answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whitelist(BTreeSet<String>);

impl Whitelist {
    /// Those of `4lw.commands.whitelist`, and `srvr` always.
    pub fn of(properties: &Properties) -> Self {
        let list = properties.get("4lw.commands.whitelist").unwrap_or_default();
        let is_read_only = properties.get("readonlymode.enabled") == Some("true");
        Self::parse(list, is_read_only)
    }

    /// `isro` is answered where clients look for servers to read from.
    fn parse(list: &str, read_only_mode: bool) -> Self {
        let mut words = BTreeSet::from(["srvr".to_owned()]);
        for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if word == "*" {
                words.extend(WORDS.iter().map(|word| (*word).to_owned()));
                break;
            }
            words.insert(word.to_owned());
        }
        if read_only_mode {
            words.insert("isro".to_owned());
        }
        Self(words)
    }

    /// Whether a word is answered.
    pub fn allows(&self, word: &str) -> bool {
        self.0.contains(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_as_apache_reads_them() {
        let allowed = |list: &str, read_only| {
            let list = Whitelist::parse(list, read_only);
            WORDS.iter().filter(|word| list.allows(word)).copied().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(allowed("", false), "srvr");
        assert_eq!(allowed("", true), "isro srvr");
        assert_eq!(allowed(" stat ,,ruok, what", false), "ruok srvr stat");
        assert_eq!(allowed("stat, *", false), WORDS.join(" "));
    }
}
