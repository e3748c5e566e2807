//! Compression of snapshots: `snapshot.compression.method` (Apache's `SnapStream.StreamMode`).
//!
//! `snappy` is the stream of snappy-java's `SnappyOutputStream`, not Snappy's own framing: a header
//! and blocks, each with its compressed length in front.

use std::io::{self, BufWriter, Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// Bytes compressed together, as snappy-java does.
const BLOCK: usize = 32 << 10;
/// Compressed and plain bytes of one block at most: memory is reserved for no more.
const BLOCK_MAX: usize = 64 << 20;
/// Magic, version 1, oldest version that reads it 1.
const SNAPPY_HEADER: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";

/// How a snapshot is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// `gz`
    Gzip,
    /// `snappy`
    Snappy,
}

impl Compression {
    /// The option's value, in any case; what is unknown is none, as with Apache.
    pub fn of_option(value: &str) -> Compression {
        match value.to_ascii_lowercase().as_str() {
            "gz" => Compression::Gzip,
            "snappy" => Compression::Snappy,
            _ => Compression::None,
        }
    }

    /// By a file's name.
    pub fn of_name(name: &str) -> Compression {
        Compression::of_option(name.rsplit('.').next().unwrap_or(""))
    }

    /// What a file's name ends with.
    pub fn extension(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Snappy => ".snappy",
        }
    }

    /// First bytes of a compressed file.
    pub(crate) fn magic(self) -> Option<&'static [u8]> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some(&[0x1f, 0x8b]),
            Compression::Snappy => Some(&SNAPPY_HEADER[..8]),
        }
    }

    pub(crate) fn reader<R: Read + 'static>(self, input: R) -> Box<dyn Read> {
        match self {
            Compression::None => Box::new(input),
            Compression::Gzip => Box::new(MultiGzDecoder::new(input)),
            Compression::Snappy => Box::new(SnappyReader::new(input)),
        }
    }

    pub(crate) fn writer<W: Write>(self, output: W) -> Compressor<W> {
        let buffered = BufWriter::with_capacity(1 << 18, output);
        match self {
            Compression::None => Compressor::None(buffered),
            Compression::Gzip => {
                Compressor::Gzip(GzEncoder::new(buffered, flate2::Compression::default()))
            }
            Compression::Snappy => Compressor::Snappy(SnappyWriter::new(buffered)),
        }
    }
}

/// Compresses what is written to it.
pub(crate) enum Compressor<W: Write> {
    None(BufWriter<W>),
    Gzip(GzEncoder<BufWriter<W>>),
    Snappy(SnappyWriter<BufWriter<W>>),
}

impl<W: Write> Compressor<W> {
    /// Writes everything that is left, and the end.
    pub(crate) fn finish(self) -> io::Result<W> {
        let buffered = match self {
            Compressor::None(buffered) => buffered,
            Compressor::Gzip(encoder) => encoder.finish()?,
            Compressor::Snappy(writer) => writer.finish()?,
        };
        buffered.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Compressor::None(output) => output.write(bytes),
            Compressor::Gzip(output) => output.write(bytes),
            Compressor::Snappy(output) => output.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes snappy-java's stream.
pub(crate) struct SnappyWriter<W> {
    output: W,
    begun: bool,
    block: Vec<u8>,
    compressed: Vec<u8>,
    encoder: snap::raw::Encoder,
}

impl<W: Write> SnappyWriter<W> {
    fn new(output: W) -> SnappyWriter<W> {
        let compressed = vec![0; snap::raw::max_compress_len(BLOCK)];
        let block = Vec::with_capacity(BLOCK);
        SnappyWriter { output, begun: false, block, compressed, encoder: snap::raw::Encoder::new() }
    }

    fn end_block(&mut self) -> io::Result<()> {
        if !self.begun {
            self.output.write_all(&SNAPPY_HEADER)?;
            self.begun = true;
        }
        if self.block.is_empty() {
            return Ok(());
        }
        let len = self.encoder.compress(&self.block, &mut self.compressed)?;
        self.output.write_all(&(len as u32).to_be_bytes())?;
        self.output.write_all(&self.compressed[..len])?;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<W> {
        self.end_block()?;
        Ok(self.output)
    }
}

impl<W: Write> Write for SnappyWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == BLOCK {
            self.end_block()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads snappy-java's stream, also several one after the other.
struct SnappyReader<R> {
    input: R,
    begun: bool,
    compressed: Vec<u8>,
    block: Vec<u8>,
    at: usize,
}

impl<R: Read> SnappyReader<R> {
    fn new(input: R) -> SnappyReader<R> {
        SnappyReader { input, begun: false, compressed: Vec::new(), block: Vec::new(), at: 0 }
    }

    /// The next block; false at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        let Some(mut head) = self.int()? else { return Ok(false) };
        if !self.begun || head == SNAPPY_HEADER[..4] {
            let mut rest = [0; 12];
            self.input.read_exact(&mut rest)?;
            if head != SNAPPY_HEADER[..4] || rest[..4] != SNAPPY_HEADER[4..8] {
                return Err(invalid("no header of a snappy stream"));
            }
            self.begun = true;
            match self.int()? {
                Some(next) => head = next,
                None => return Ok(false),
            }
        }
        let len = u32::from_be_bytes(head) as usize;
        if len > BLOCK_MAX {
            return Err(invalid("a block that is too long"));
        }
        // Memory grows with what is there, not with what is said to be.
        self.compressed.clear();
        (&mut self.input).take(len as u64).read_to_end(&mut self.compressed)?;
        if self.compressed.len() < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let plain = snap::raw::decompress_len(&self.compressed)?;
        // Snappy copies at most 64 bytes for 3.
        if plain > BLOCK_MAX || plain > len.saturating_mul(64) {
            return Err(invalid("a block that is too long"));
        }
        self.block.resize(plain, 0);
        self.at = 0;
        snap::raw::Decoder::new().decompress(&self.compressed, &mut self.block)?;
        Ok(true)
    }

    /// Four bytes, or none at the end.
    fn int(&mut self) -> io::Result<Option<[u8; 4]>> {
        let mut bytes = Vec::with_capacity(4);
        (&mut self.input).take(4).read_to_end(&mut bytes)?;
        match <[u8; 4]>::try_from(bytes.as_slice()) {
            Ok(int) => Ok(Some(int)),
            Err(_) if bytes.is_empty() => Ok(None),
            Err(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl<R: Read> Read for SnappyReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() {
            if into.is_empty() || !self.next_block()? {
                return Ok(0);
            }
        }
        let count = into.len().min(self.block.len() - self.at);
        into[..count].copy_from_slice(&self.block[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
