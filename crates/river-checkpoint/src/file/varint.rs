//! Numbers of variable length (LEB128), text and lists of the index.

/// Reads from the front of bytes; `Err` says what is wrong, never panics.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

pub(super) type Result<T> = std::result::Result<T, String>;

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(length).ok_or("its index ends too early")?;
        self.bytes = rest;
        Ok(head)
    }

    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub fn u32_fixed(&mut self) -> Result<u32> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub fn u64(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number in its index is too large".to_owned())
    }

    pub fn i64(&mut self) -> Result<i64> {
        let value = self.u64()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub fn u32(&mut self) -> Result<u32> {
        u32::try_from(self.u64()?).map_err(|_| "a number in its index is too large".to_owned())
    }

    pub fn usize(&mut self) -> Result<usize> {
        usize::try_from(self.u64()?).map_err(|_| "a number in its index is too large".to_owned())
    }

    /// The length of a list whose items take a byte at least: bounded before memory is reserved.
    pub fn count(&mut self) -> Result<usize> {
        let count = self.usize()?;
        if count > self.bytes.len() {
            return Err("a list in its index is longer than the index".to_owned());
        }
        Ok(count)
    }

    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.usize()?;
        self.take(length)
    }

    pub fn text(&mut self) -> Result<&'a str> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| "a name in its index is not UTF-8".to_owned())
    }
}

pub(super) fn put_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_usize(out: &mut Vec<u8>, value: usize) {
    put_u64(out, value as u64);
}

pub(super) fn put_i64(out: &mut Vec<u8>, value: i64) {
    put_u64(out, (value << 1) as u64 ^ (value >> 63) as u64);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_usize(out, bytes.len());
    out.extend_from_slice(bytes);
}
