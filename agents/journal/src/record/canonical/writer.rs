//! Canonical JSON written straight from a value, without a tree of it in between: records are written in every block.
//!
//! It knows what records are made of: strings, integers below 2^53 and ASCII names. Of anything else it says so, and the
//! library writes it or the reason is told. Strings are escaped by serde_json, which does it as RFC 8785 wants it (section
//! 3.2.2.2), and so are integers (3.2.2.3). A test holds it against the library.

use std::{fmt, io::Write as _};

use serde::{
    Serialize, Serializer,
    ser::{self, Impossible},
};

use super::{LARGEST_NUMBER, object::Object};

/// Something that this writer leaves to others.
#[derive(Debug)]
pub(super) struct Unfit;

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not written here")
    }
}

impl std::error::Error for Unfit {}

impl ser::Error for Unfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Canonical JSON of a value, if it is of a kind that is written here.
pub(super) fn write<T: Serialize>(value: &T) -> Result<String, Unfit> {
    let mut out = Vec::with_capacity(1 << 14);
    value.serialize(Writer(&mut out))?;
    String::from_utf8(out).map_err(|_| Unfit)
}

/// Writes one value at the end of a text.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

impl Writer<'_> {
    fn plain<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        serde_json::to_writer(self.0, value).map_err(|_| Unfit)
    }
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = Impossible<(), Unfit>;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Object<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Unfit> {
        self.plain(&value)
    }

    fn serialize_i8(self, value: i8) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Unfit> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Unfit> {
        u64::try_from(value).map_err(|_| Unfit).and_then(|value| self.serialize_u64(value))
    }

    fn serialize_u8(self, value: u8) -> Result<(), Unfit> {
        self.plain(&value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), Unfit> {
        self.plain(&value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), Unfit> {
        self.plain(&value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), Unfit> {
        if value > LARGEST_NUMBER {
            return Err(Unfit);
        }
        self.plain(&value)
    }

    fn serialize_f32(self, _: f32) -> Result<(), Unfit> {
        Err(Unfit)
    }

    fn serialize_f64(self, _: f64) -> Result<(), Unfit> {
        Err(Unfit)
    }

    fn serialize_char(self, value: char) -> Result<(), Unfit> {
        self.plain(&value)
    }

    fn serialize_str(self, value: &str) -> Result<(), Unfit> {
        self.plain(value)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        let Self(out) = self;
        out.push(b'"');
        let start = out.len();
        write!(out, "{value}").map_err(|_| Unfit)?;
        if out[start..].iter().all(|byte| is_plain(*byte)) {
            out.push(b'"');
            return Ok(());
        }
        let text = String::from_utf8(out.split_off(start)).map_err(|_| Unfit)?;
        out.pop();
        Writer(out).plain(&text)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unfit> {
        self.plain(value)
    }

    fn serialize_none(self) -> Result<(), Unfit> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unfit> {
        self.0.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unfit> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unfit> {
        self.plain(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        let mut object = Object::begin(self.0, b"}");
        object.field(variant, value)?;
        object.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, Unfit> {
        self.0.push(b'[');
        Ok(List { out: self.0, is_first: true })
    }

    fn serialize_tuple(self, len: usize) -> Result<List<'a>, Unfit> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<List<'a>, Unfit> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Unfit>, Unfit> {
        Err(Unfit)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'a>, Unfit> {
        Ok(Object::begin(self.0, b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Object<'a>, Unfit> {
        Ok(Object::begin(self.0, b"}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'a>, Unfit> {
        self.0.push(b'{');
        Writer(self.0).plain(variant)?;
        self.0.push(b':');
        Ok(Object::begin(self.0, b"}}"))
    }
}

/// Whether a byte stands in a JSON string as it is.
pub(super) const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..0x7f) && byte != b'"' && byte != b'\\'
}

/// A list under way.
pub(super) struct List<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

/// Items of lists and of tuples, which are lists here.
macro_rules! items {
    ($($of:ident::$item:ident),*) => {$(
        impl ser::$of for List<'_> {
            type Ok = ();
            type Error = Unfit;

            fn $item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
                self.item(value)
            }

            fn end(self) -> Result<(), Unfit> {
                self.out.push(b']');
                Ok(())
            }
        }
    )*};
}

items!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field
);

impl List<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
        value.serialize(Writer(self.out))
    }
}
