//! Unpacks deflate (RFC 1951), the compression of zip archives, as a stream.
//!
//! It is here because exports come as zip archives and nothing else in the tree reads them.
//!
//! **Invariant:** memory is bounded by the window and one step of output, whatever the input promises; input that is no
//! deflate is an error, never a panic.

use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// Bytes back that a copy may reach.
const WINDOW_BYTES: usize = 32 << 10;
/// Bytes of output that are made at once, and a copy more.
const STEP_BYTES: usize = 64 << 10;
/// Bits of the longest code.
const CODE_BITS: usize = 15;
/// In which order the lengths of the codes for lengths are told.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// Shortest copy and further bits for each symbol of a length, from 257.
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
/// Nearest distance and further bits for each symbol of a distance.
const DISTANCES: [(u16, u8); 30] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];

/// Reads what was packed.
pub(crate) struct Inflate<R> {
    input: R,
    bits: u64,
    count: u32,
    /// The window, then what was not given yet.
    out: Vec<u8>,
    given: usize,
    block: Block,
    is_last: bool,
}

enum Block {
    Header,
    Stored(usize),
    Coded { symbols: Table, distances: Table },
    Done,
}

/// Symbols by the next bits.
struct Table {
    bits: u32,
    /// The symbol and the length of its code; of no code 0.
    entries: Vec<(u16, u8)>,
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("damaged deflate data: {what}"))
}

impl Table {
    fn new(lengths: &[u8]) -> Result<Self> {
        let mut counts = [0_u32; CODE_BITS + 1];
        for length in lengths.iter().filter(|length| **length > 0) {
            *counts.get_mut(usize::from(*length)).ok_or_else(|| damaged("a code is too long"))? += 1;
        }
        let bits = counts.iter().rposition(|count| *count > 0).unwrap_or(0) as u32;
        let mut next = [0_u32; CODE_BITS + 1];
        let (mut code, mut left) = (0, 1_i64);
        for ((count, shorter), first) in counts.iter().skip(1).zip(counts).zip(next.iter_mut().skip(1)) {
            code = (code + shorter) << 1;
            *first = code;
            left = left * 2 - i64::from(*count);
            if left < 0 {
                return Err(damaged("too many codes"));
            }
        }
        let mut entries = vec![(0, 0); 1 << bits];
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let Some(code) = next.get_mut(usize::from(*length)) else { continue };
            let reversed = (*code as u16).reverse_bits() >> (16 - u32::from(*length));
            *code += 1;
            for entry in entries.iter_mut().skip(usize::from(reversed)).step_by(1 << *length) {
                *entry = (symbol as u16, *length);
            }
        }
        Ok(Self { bits, entries })
    }
}

impl<R: BufRead> Inflate<R> {
    pub(crate) fn new(input: R) -> Self {
        let out = Vec::with_capacity(2 * WINDOW_BYTES + STEP_BYTES);
        Self { input, bits: 0, count: 0, out, given: 0, block: Block::Header, is_last: false }
    }

    /// Reads bytes until at least `wanted` bits are there, or the input ends.
    fn fill(&mut self, wanted: u32) -> Result<()> {
        while self.count < wanted {
            let byte = match self.input.fill_buf() {
                Ok(available) => available.first().copied(),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let Some(byte) = byte else { return Ok(()) };
            self.input.consume(1);
            self.bits |= u64::from(byte) << self.count;
            self.count += 8;
        }
        Ok(())
    }

    fn take(&mut self, count: u32) -> Result<usize> {
        self.fill(count)?;
        if self.count < count {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let value = self.bits & ((1 << count) - 1);
        self.bits >>= count;
        self.count -= count;
        Ok(value as usize)
    }

    fn header(&mut self) -> Result<()> {
        if self.is_last {
            self.block = Block::Done;
            return Ok(());
        }
        self.is_last = self.take(1)? == 1;
        self.block = match self.take(2)? {
            0 => {
                self.take(self.count % 8)?;
                let (length, check) = (self.take(16)?, self.take(16)?);
                if length ^ check != 0xffff {
                    return Err(damaged("a length is not what its check says"));
                }
                Block::Stored(length)
            }
            1 => {
                let lengths: Vec<u8> = [(144, 8), (112, 9), (24, 7), (8, 8)]
                    .iter()
                    .flat_map(|(count, bits)| vec![*bits; *count])
                    .collect();
                Block::Coded { symbols: Table::new(&lengths)?, distances: Table::new(&[5; 30])? }
            }
            2 => self.dynamic()?,
            _ => return Err(damaged("a kind of block that there is not")),
        };
        Ok(())
    }

    /// Reads the codes of a block.
    fn dynamic(&mut self) -> Result<Block> {
        let (symbols, distances, told) = (self.take(5)? + 257, self.take(5)? + 1, self.take(4)? + 4);
        let mut lengths = [0_u8; 19];
        for place in ORDER.iter().take(told) {
            let length = self.take(3)? as u8;
            if let Some(to) = lengths.get_mut(*place) {
                *to = length;
            }
        }
        let codes = Table::new(&lengths)?;
        let mut lengths: Vec<u8> = Vec::with_capacity(symbols + distances);
        while lengths.len() < symbols + distances {
            let (value, repeated) = match self.symbol(&codes)? {
                16 => (*lengths.last().ok_or_else(|| damaged("nothing to repeat"))?, 3 + self.take(2)?),
                17 => (0, 3 + self.take(3)?),
                18 => (0, 11 + self.take(7)?),
                length => (length as u8, 1),
            };
            lengths.resize(lengths.len() + repeated, value);
        }
        if lengths.len() > symbols + distances {
            return Err(damaged("too many lengths"));
        }
        let (symbols, distances) = lengths.split_at(symbols);
        Ok(Block::Coded { symbols: Table::new(symbols)?, distances: Table::new(distances)? })
    }

    fn symbol(&mut self, table: &Table) -> Result<usize> {
        self.fill(table.bits)?;
        let next = (self.bits & ((1 << table.bits) - 1)) as usize;
        let (symbol, length) = table.entries.get(next).copied().unwrap_or_default();
        let length = u32::from(length);
        if length == 0 {
            return Err(damaged("a code that there is not"));
        }
        if length > self.count {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.bits >>= length;
        self.count -= length;
        Ok(usize::from(symbol))
    }

    /// Makes some output; none at the end.
    fn step(&mut self) -> Result<()> {
        if self.out.len() > WINDOW_BYTES {
            self.out.drain(..self.out.len() - WINDOW_BYTES);
        }
        self.given = self.out.len();
        while self.out.len() == self.given {
            match std::mem::replace(&mut self.block, Block::Header) {
                Block::Header => self.header()?,
                Block::Done => {
                    self.block = Block::Done;
                    return Ok(());
                }
                Block::Stored(left) => {
                    let now = left.min(STEP_BYTES);
                    for _ in 0..now {
                        let byte = self.take(8)? as u8;
                        self.out.push(byte);
                    }
                    if left > now {
                        self.block = Block::Stored(left - now);
                    }
                }
                Block::Coded { symbols, distances } => {
                    if !self.coded(&symbols, &distances)? {
                        self.block = Block::Coded { symbols, distances };
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads symbols until there is enough output; true where the block ended.
    fn coded(&mut self, symbols: &Table, distances: &Table) -> Result<bool> {
        while self.out.len() < self.given + STEP_BYTES {
            let symbol = self.symbol(symbols)?;
            if symbol < 256 {
                self.out.push(symbol as u8);
                continue;
            }
            if symbol == 256 {
                return Ok(true);
            }
            let (shortest, more) = *LENGTHS.get(symbol - 257).ok_or_else(|| damaged("a length that there is not"))?;
            let length = usize::from(shortest) + self.take(u32::from(more))?;
            let symbol = self.symbol(distances)?;
            let (nearest, more) = *DISTANCES.get(symbol).ok_or_else(|| damaged("a distance that there is not"))?;
            let distance = usize::from(nearest) + self.take(u32::from(more))?;
            let from =
                self.out.len().checked_sub(distance).ok_or_else(|| damaged("a copy from before the beginning"))?;
            for at in from..from + length {
                let byte = self.out.get(at).copied().unwrap_or_default();
                self.out.push(byte);
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.given == self.out.len() {
            self.step()?;
        }
        let left = self.out.get(self.given..).unwrap_or_default();
        let count = left.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), left.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packed by zlib.
    const FIXED: &str =
        "2bc9485528c94c4955c8494d2c4b2d56485428c8cfcfd15128018a83580871902a6bb0f8a8fa51f5a3ea47d58faa1f553faa9e32f500";
    const DYNAMIC: &str = "6d92510e02210c44afd2ab99885912dc12c4acc7173a4586757f48693b8f29906ecf2c4709bb844fd6525b1c6b2852e33dc823bd5f9b68fd25b6507497ac9a463bb7143d86dc5a5267939abbda8180f52d61119ad216f091c56a28e261e50e1e075577c5ad27330674cdb4443c1eda12d3a3692df2baf5ae97da628ce2199091e2198d75e9c82b71d8a6d2740114bd15bd81b942b85871e6ba23c7f32d791a3ba31f4ed815c11298613d7f94bfab3a7f882f";
    const STORED: &str = "010f00f0ff73746f726564206173206974206973";
    const WORDS: &str = "lamp wren export writer tide flush otter tide heron pool export flush otter row writer pool lamp otter tide otter row wren heron row heron pool heron lamp lamp flush heron heron tide tide otter otter heron heron wren export otter writer otter heron otter row wren tide export row heron heron wren pool export wren lamp lamp tide lamp export pool wren export wren flush export heron flush flush heron tide wren tide export row tide writer row export row lamp tide flush tide heron lamp otter pool otter flush export writer export writer wren flush pool lamp export wren tide row pool otter export writer lamp export heron export wren writer pool wren export wren heron pool heron";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn unpacked(packed: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        // A packed stream of some bytes may promise any number.
        Inflate::new(packed).take(1 << 20).read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn every_kind_of_block_is_unpacked() {
        let tide = "the tide leaves a pool, the pool leaves a tide; ".repeat(40);
        assert_eq!(unpacked(&bytes(FIXED)).unwrap(), tide.as_bytes());
        assert_eq!(unpacked(&bytes(DYNAMIC)).unwrap(), WORDS.as_bytes());
        assert_eq!(unpacked(&bytes(STORED)).unwrap(), b"stored as it is");
    }

    #[test]
    fn what_is_cut_or_is_none_is_an_error() {
        for packed in [FIXED, DYNAMIC, STORED] {
            let packed = bytes(packed);
            for end in 0..packed.len() {
                assert!(unpacked(&packed[..end]).is_err(), "{end}");
            }
        }
        assert!(unpacked(b"\x07").unwrap_err().to_string().contains("a kind of block"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damage_never_panics(at in any::<prop::sample::Index>(), bits in 1u8.., noise in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut packed = bytes(DYNAMIC);
            let at = at.index(packed.len());
            packed[at] ^= bits;
            let _ = unpacked(&packed);
            let _ = unpacked(&noise);
        }
    }
}
