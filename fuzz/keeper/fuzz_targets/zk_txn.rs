//! What a server reads from its log and from proposals: entries of all types, and the parts of
//! multis.

#![no_main]

use bytes::Bytes;
use keeper_fuzz::record;
use libfuzzer_sys::fuzz_target;
use zk_wire::txn::{SubTxn, Txn, TxnEntry};

fuzz_target!(|data: &[u8]| {
    let Some(entry) = record::<TxnEntry>(&Bytes::copy_from_slice(data)) else { return };
    assert_eq!(entry.header.op, entry.txn.op().code());
    let Txn::Multi(multi) = entry.txn else { return };
    for part in multi.txns.iter().flatten() {
        let Ok(txn) = part.decode() else { continue };
        assert!(!matches!(txn, Txn::Multi(_)), "a multi within a multi");
        assert_eq!(SubTxn::new(&txn).decode().as_ref(), Ok(&txn));
    }
});
