//! The frame around the JSON of `_metadata`. Never changes, whatever is inside.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `RIVRMETA` |
//! | 4 | version of the content, little endian like all numbers here |
//! | 8 | length of the content |
//! | 4 | CRC-32C of the 12 bytes before and the content |
//! | ... | the content, up to the end of the file |

const MAGIC: &[u8; 8] = b"RIVRMETA";
const HEADER: usize = 24;

pub(super) fn wrap(version: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&crc(&bytes[8..20], body).to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// The version and the content, or what is wrong.
pub(super) fn unwrap(bytes: &[u8]) -> Result<(u32, &[u8]), String> {
    let Some((header, body)) = bytes.split_at_checked(HEADER) else {
        let expected = &MAGIC[..bytes.len().min(8)];
        return Err(match bytes.starts_with(expected) {
            true => format!("cut off at byte {}", bytes.len()),
            false => not_metadata(),
        });
    };
    if &header[..8] != MAGIC {
        return Err(not_metadata());
    }
    let number = |at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(&header[at..at + 4]);
        u32::from_le_bytes(word)
    };
    let length = u64::from(number(12)) | u64::from(number(16)) << 32;
    let matches = crc(&header[8..20], body) == number(20);
    match (body.len() as u64).cmp(&length) {
        std::cmp::Ordering::Less => Err(format!(
            "cut off at byte {}, or the length in its header is wrong ({length})",
            bytes.len()
        )),
        std::cmp::Ordering::Greater => {
            Err(format!("{} bytes too long", body.len() as u64 - length))
        }
        std::cmp::Ordering::Equal if !matches => Err("its checksum does not match".to_owned()),
        std::cmp::Ordering::Equal => Ok((number(8), body)),
    }
}

fn not_metadata() -> String {
    "it does not begin as metadata of a checkpoint does (metadata of Apache Flink is not read)"
        .to_owned()
}

fn crc(head: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(head), body)
}
