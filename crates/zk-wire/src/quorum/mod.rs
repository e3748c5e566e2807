//! What servers of an ensemble say to each other.
//!
//! | module | port | what |
//! |---|---|---|
//! | [`packet`] | quorum | the one record that everything between leader and learner travels in |
//! | [`learner`] | quorum | what is inside that record's data, by type of packet |
//! | [`notification`] | election | votes, in frames of their own |
//! | [`greeting`] | election | the first bytes of a connection: who is calling |
//! | [`auth`] | both | steps of a SASL exchange before anything else |

pub mod auth;
pub mod greeting;
pub mod learner;
pub mod notification;
pub mod packet;
