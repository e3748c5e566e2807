//! Stored columns of text and bytes, laid out as Arrow's views: 16 bytes a row, values of up to 12
//! bytes inside, longer ones in blocks that are sealed when full and shared with what is gathered.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryViewArray, StringViewArray};
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::DataType;

use super::NULL_ROW;
use super::column::{Chunks, Column, Nulls};
use crate::{Error, Result};

/// A block is sealed when it holds this many bytes.
const BLOCK_BYTES: usize = 1 << 18;

/// Longest value that fits into its view.
const INLINE: usize = 12;

pub(super) struct ViewColumn {
    text: bool,
    views: Chunks<u128>,
    nulls: Nulls,
    blocks: Vec<Block>,
    /// Numbers of blocks without live values.
    free_blocks: Vec<u32>,
    /// The block being filled; its number is `open_number`.
    open: Vec<u8>,
    open_number: u32,
    live_bytes: usize,
    dead_bytes: usize,
}

struct Block {
    /// Empty while the block is open.
    bytes: Buffer,
    live_bytes: usize,
}

#[inline]
fn length(view: u128) -> usize {
    view as u32 as usize
}

/// Block and offset of a long value.
#[inline]
fn place(view: u128) -> (u32, usize) {
    ((view >> 64) as u32, (view >> 96) as u32 as usize)
}

#[inline]
fn at_place(view: u128, block: u32, offset: usize) -> u128 {
    view & u128::from(u64::MAX) | u128::from(block) << 64 | (offset as u128) << 96
}

impl ViewColumn {
    pub fn new(ty: &DataType) -> ViewColumn {
        ViewColumn {
            text: *ty == DataType::Utf8View,
            views: Chunks::default(),
            nulls: Nulls::default(),
            blocks: vec![Block { bytes: Buffer::from(&[][..]), live_bytes: 0 }],
            free_blocks: Vec::new(),
            open: Vec::new(),
            open_number: 0,
            live_bytes: 0,
            dead_bytes: 0,
        }
    }

    /// Appends bytes to the open block; gives the view with their place.
    fn add(&mut self, view: u128, bytes: &[u8]) -> u128 {
        if !self.open.is_empty() && self.open.len() + bytes.len() > BLOCK_BYTES {
            self.seal();
        }
        let offset = self.open.len();
        self.open.extend_from_slice(bytes);
        self.blocks[self.open_number as usize].live_bytes += bytes.len();
        self.live_bytes += bytes.len();
        at_place(view, self.open_number, offset)
    }

    fn seal(&mut self) {
        let mut bytes = std::mem::take(&mut self.open);
        bytes.shrink_to_fit();
        let sealed = self.open_number;
        self.blocks[sealed as usize].bytes = Buffer::from_vec(bytes);
        self.open_number = self.free_blocks.pop().unwrap_or_else(|| {
            self.blocks.push(Block { bytes: Buffer::from(&[][..]), live_bytes: 0 });
            self.blocks.len() as u32 - 1
        });
        if self.blocks[sealed as usize].live_bytes == 0 {
            self.drop_block(sealed);
        }
    }

    fn drop_block(&mut self, number: u32) {
        let block = &mut self.blocks[number as usize];
        self.dead_bytes -= block.bytes.len();
        block.bytes = Buffer::from(&[][..]);
        self.free_blocks.push(number);
    }

    fn forget(&mut self, view: u128) {
        if length(view) <= INLINE {
            return;
        }
        let (number, _) = place(view);
        let block = &mut self.blocks[number as usize];
        block.live_bytes -= length(view);
        self.live_bytes -= length(view);
        self.dead_bytes += length(view);
        if block.live_bytes == 0 && number != self.open_number {
            self.drop_block(number);
        }
    }

    /// Rewrites the blocks that are mostly garbage, once there is more garbage than text.
    fn compact(&mut self) {
        if self.dead_bytes < 4 * BLOCK_BYTES || self.dead_bytes < self.live_bytes {
            return;
        }
        let sparse: Vec<Option<Buffer>> = self
            .blocks
            .iter()
            .map(|block| {
                let sparse = block.live_bytes * 2 < block.bytes.len();
                sparse.then(|| block.bytes.clone())
            })
            .collect();
        let mut views = std::mem::take(&mut self.views);
        for view in views.iter_mut() {
            if length(*view) <= INLINE {
                continue;
            }
            let (number, offset) = place(*view);
            if let Some(Some(bytes)) = sparse.get(number as usize) {
                let value = &bytes[offset..offset + length(*view)];
                let moved = self.add(*view, value);
                self.forget(*view);
                *view = moved;
            }
        }
        self.views = views;
    }
}

impl Column for ViewColumn {
    fn append(&mut self, array: &ArrayRef, rows: &[u32], ids: &[u32]) -> Result<()> {
        let wrong = || Error::internal("a column kept as text is of another type");
        let (views, buffers) = if self.text {
            let array = array.as_string_view_opt().ok_or_else(wrong)?;
            (array.views(), array.data_buffers())
        } else {
            let array = array.as_binary_view_opt().ok_or_else(wrong)?;
            (array.views(), array.data_buffers())
        };
        self.nulls.append(array, rows, ids);
        let nulls = array.nulls();
        for (row, id) in rows.iter().zip(ids) {
            let row = *row as usize;
            let mut view = views[row];
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                view = 0;
            } else if length(view) > INLINE {
                let (buffer, offset) = place(view);
                view = self.add(view, &buffers[buffer as usize][offset..offset + length(view)]);
            }
            self.views.set(*id, view);
        }
        Ok(())
    }

    fn remove(&mut self, ids: &[u32]) {
        for id in ids {
            let view = self.views.get(*id);
            self.forget(view);
            self.views.set(*id, 0);
        }
        self.compact();
    }

    fn gather(&self, ids: &[u32]) -> Result<ArrayRef> {
        let mut buffers: Vec<Buffer> = Vec::new();
        // Where each of our blocks is among the buffers; values of the open block are copied.
        let mut numbers = vec![u32::MAX; self.blocks.len()];
        let mut copied: Vec<(usize, usize)> = Vec::new();
        let mut copied_bytes: Vec<u8> = Vec::new();
        let mut views = Vec::with_capacity(ids.len());
        for id in ids {
            let mut view = if *id == NULL_ROW { 0 } else { self.views.get(*id) };
            if length(view) > INLINE {
                let (block, offset) = place(view);
                if block == self.open_number {
                    copied.push((views.len(), copied_bytes.len()));
                    copied_bytes.extend_from_slice(&self.open[offset..offset + length(view)]);
                } else {
                    let number = &mut numbers[block as usize];
                    if *number == u32::MAX {
                        *number = buffers.len() as u32;
                        buffers.push(self.blocks[block as usize].bytes.clone());
                    }
                    view = at_place(view, *number, offset);
                }
            }
            views.push(view);
        }
        if !copied.is_empty() {
            let number = buffers.len() as u32;
            for (at, offset) in copied {
                views[at] = at_place(views[at], number, offset);
            }
            buffers.push(Buffer::from_vec(copied_bytes));
        }
        Ok(self.array(views, buffers, self.nulls.gather(ids)))
    }

    fn memory(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(|block| block.bytes.len()).sum();
        self.views.memory() + self.nulls.memory() + blocks + self.open.capacity()
    }
}

impl ViewColumn {
    fn array(&self, views: Vec<u128>, buffers: Vec<Buffer>, nulls: Option<NullBuffer>) -> ArrayRef {
        let views = ScalarBuffer::from(views);
        // SAFETY: every view is one that came from an array of the same type, with its place
        // changed to where its bytes were copied whole; so it is in bounds, its prefix is right,
        // and text is UTF-8.
        unsafe {
            if self.text {
                Arc::new(StringViewArray::new_unchecked(views, buffers, nulls))
            } else {
                Arc::new(BinaryViewArray::new_unchecked(views, buffers, nulls))
            }
        }
    }
}
