//! How this crate writes down records: names and types of their fields, in the order of
//! `zookeeper.jute`. Encoding, decoding and what tests need of a record follow from that.

/// Defines records. A field's type says how it is read: `Option` where Java's may be null.
macro_rules! record {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type,)*
        }

        impl $crate::Jute for $name {
            const MIN_LEN: usize = 0 $(+ <$type as $crate::Jute>::MIN_LEN)*;

            fn encode(&self, out: &mut Vec<u8>) {
                $($crate::Jute::encode(&self.$field, out);)*
            }

            fn decode(input: &mut $crate::Reader<'_>) -> Result<Self, $crate::DecodeError> {
                $(let $field = <$type as $crate::Jute>::decode(input)
                    .map_err(|error| error.within(stringify!($name), stringify!($field)))?;)*
                Ok(Self { $($field,)* })
            }
        }

        #[cfg(test)]
        impl $crate::tests::sample::Sample for $name {
            fn fill(filler: &mut $crate::tests::sample::Filler) -> Self {
                $(let $field = <$type as $crate::tests::sample::Sample>::fill(filler);)*
                Self { $($field,)* }
            }

            fn any() -> proptest::strategy::BoxedStrategy<Self> {
                use proptest::strategy::Strategy;
                ($(<$type as $crate::tests::sample::Sample>::any(),)*)
                    .prop_map(|($($field,)*)| Self { $($field,)* })
                    .boxed()
            }
        }
    )*};
}
