//! Decoding what was encoded, and bytes that are no CSV.

use std::sync::Arc;

use proptest::prelude::*;
use river_core::options::Options;
use river_core::types::{Field, LogicalType};
use river_runtime::Batch;

use super::{CsvDecoder, CsvEncoder, CsvOptions};
use crate::format::json::tests::{schema, spec};
use crate::format::{Decoder, Encoder};

fn csv(pairs: &[(&str, &str)]) -> CsvOptions {
    CsvOptions::new(&pairs.iter().copied().collect::<Options>()).unwrap()
}

const RECORD: &[u8] = b"7,\"a, \"\"b\"\"\",1.5;2,1;z,2024-03-01 09:00:00.25,12.34,AQI=\r\n";

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(
        rows in prop::collection::vec((any::<i32>(), any::<String>()), 0..50),
        split in 0..1000usize,
    ) {
        let field = |name: &str, ty: LogicalType| Field::new(name, ty.nullable());
        let schema = vec![field("i", LogicalType::Int), field("s", LogicalType::STRING)];
        let ints = arrow_array::Int32Array::from_iter_values(rows.iter().map(|r| r.0));
        let texts = arrow_array::StringViewArray::from_iter_values(rows.iter().map(|r| &r.1));
        let batch = Batch::new(vec![Arc::new(ints), Arc::new(texts)], rows.len());
        let mut bytes = Vec::new();
        CsvEncoder::new(csv(&[]), &schema).unwrap().encode(&batch, &mut bytes).unwrap();
        let mut decoder = CsvDecoder::new(csv(&[]), &spec(schema)).unwrap();
        // In two pieces, as a file is read.
        let split = split.min(bytes.len());
        let used = decoder.decode(&bytes[..split], false, usize::MAX).unwrap();
        prop_assert!(used <= split);
        decoder.decode(&bytes[used..], true, usize::MAX).unwrap();
        let decoded = decoder.take().unwrap();
        prop_assert_eq!(decoded.rows, rows.len());
        prop_assert_eq!(&decoded.columns, &batch.columns);
    }

    #[test]
    fn damaged_records_never_panic(
        at in prop::collection::vec((0..RECORD.len(), any::<u8>()), 1..4),
        lenient in any::<bool>(),
        escape in any::<bool>(),
    ) {
        let mut bytes = RECORD.to_vec();
        for (at, byte) in at {
            bytes[at] = byte;
        }
        let options = CsvOptions {
            ignore_parse_errors: lenient,
            escape: escape.then_some(b'1'),
            ..csv(&[])
        };
        let mut decoder = CsvDecoder::new(options, &spec(schema())).unwrap();
        let data = [&bytes[..], RECORD].concat();
        let _ = decoder.decode(&data, true, 100);
        let rows = decoder.take().unwrap();
        for column in rows.columns {
            prop_assert_eq!(arrow_array::Array::len(&column), rows.rows);
        }
    }
}
