//! Keys that are accepted and do nothing here, or not what they do in Apache's server: a line each
//! at the start.

use super::Properties;

/// A key, or the begin of keys where it ends with `*`; what Apache's server does with it, and what
/// happens instead.
type Row = (&'static str, &'static str, &'static str);

const TABLE: &[Row] = &[
    ("localSessionsEnabled", "keeps sessions on one server", "all sessions are global"),
    ("localSessionsUpgradingEnabled", "makes local sessions global", "all sessions are global"),
    ("readonlymode.enabled", "serves reads without a quorum", "a server alone has always one"),
    ("initLimit", "bounds the start of followers", "nothing: the server is alone"),
    ("syncLimit", "bounds how far followers lag", "nothing: the server is alone"),
    ("peerType", "says whether the server votes", "nothing: the server is alone"),
    ("electionAlg", "chooses the election", "nothing: the server is alone"),
    ("sslQuorum", "encrypts what servers say to each other", "nothing: the server is alone"),
    ("portUnification", "lets servers talk with and without TLS", "nothing: the server is alone"),
    ("ssl.quorum.*", "sets up TLS between servers", "only the AdminServer uses it"),
    ("quorum.auth.*", "authenticates servers", "nothing: the server is alone"),
    ("observerMasterPort", "serves observers", "nothing: the server is alone"),
    ("multiAddress.*", "gives servers several addresses", "nothing: the server is alone"),
    ("oraclePath", "lets a file decide between two servers", "nothing: the server is alone"),
    ("group.*", "weighs votes", "nothing: the server is alone"),
    ("weight.*", "weighs votes", "nothing: the server is alone"),
    ("authProvider.*", "loads a Java class for authentication", "the class is not loaded"),
    ("serverCnxnFactory", "chooses Java's network code", "there is one, which also does TLS"),
    ("nio.numSelectorThreads", "sets Java's threads", "see keeper.networkThreads"),
    ("nio.numWorkerThreads", "sets Java's threads", "see keeper.networkThreads"),
    ("nio.directBufferBytes", "sets Java's buffers", "answers are written from one buffer"),
    ("nio.shutdownTimeout", "bounds the stop of Java's threads", "a stop takes half a second"),
    ("netty.advancedFlowControl.enabled", "limits reading", "reading is always limited"),
    ("commitProcessor.*", "sets Java's threads", "one thread owns the tree"),
    ("pathStats.*", "counts requests by path", "nothing is counted by path"),
    ("messageTracker.*", "keeps messages between servers", "nothing: the server is alone"),
    ("jvm.pause.monitor", "watches Java's pauses", "there are none"),
    ("watchManagerName", "chooses how watches are kept", "there is one, compact way"),
    ("watcherClean*", "removes watches of dead connections later", "they are removed at once"),
    ("maxInProcessingDeadWatchers", "bounds dead watches", "there are none"),
    ("bitHashCacheSize", "sets a cache of watches", "none is needed"),
    ("maxResponseCacheSize", "keeps encoded answers", "none are kept: encoding is cheap"),
    ("maxGetChildrenResponseCacheSize", "keeps encoded answers", "none are kept"),
    ("commitLogCount", "keeps transactions for followers", "nothing: the server is alone"),
    ("kerberos.*", "maps Kerberos names", "SASL comes with a later version"),
    ("sessionRequireClientSASLAuth", "asks for SASL", "SASL comes with a later version"),
    ("allowSaslFailedClients", "lets in who fails SASL", "SASL comes with a later version"),
    ("enableEagerACLCheck", "refuses writes on the follower", "nothing: the server is alone"),
    ("closeSessionTxn.enabled", "lists a session's nodes in its end", "they are always listed"),
];

/// What there is to say about the keys of a file.
pub(super) fn notes(properties: &Properties) -> Vec<String> {
    let mut notes = Vec::new();
    for (key, value) in properties.iter() {
        let bare = key.strip_prefix("zookeeper.").unwrap_or(key);
        let matches = |pattern: &str| match pattern.strip_suffix('*') {
            Some(begin) => bare.starts_with(begin),
            None => bare == pattern,
        };
        if value.eq_ignore_ascii_case("false") && !bare.starts_with("closeSessionTxn") {
            continue;
        }
        if let Some((_, does, instead)) = TABLE.iter().find(|(pattern, ..)| matches(pattern)) {
            notes.push(format!("{key}={value}: Apache ZooKeeper {does}; here: {instead}"));
        }
    }
    notes
}
