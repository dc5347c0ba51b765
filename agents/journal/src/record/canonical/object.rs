//! An object of canonical JSON: its fields are written as they come, and put in order at its end.

use std::ops::Range;

use serde::{Serialize, ser};

use super::writer::{Unfit, Writer, is_plain};

/// An object under way.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    /// What ends it.
    close: &'static [u8],
    /// Where its first field begins.
    start: usize,
    fields: Vec<Field>,
}

/// Where a field stands in the text, without the comma before it.
struct Field {
    /// Its name, without the quotes.
    name: Range<usize>,
    end: usize,
}

impl Field {
    const fn begin(&self) -> usize {
        self.name.start - 1
    }
}

impl<'a> Object<'a> {
    pub(super) fn begin(out: &'a mut Vec<u8>, close: &'static [u8]) -> Self {
        out.push(b'{');
        let start = out.len();
        Self { out, close, start, fields: Vec::with_capacity(16) }
    }

    fn name(&mut self, name: &str) -> Result<(), Unfit> {
        // For ASCII the order by bytes is that by the units of UTF-16, which RFC 8785 wants (section 3.2.3).
        if !name.bytes().all(is_plain) {
            return Err(Unfit);
        }
        if !self.fields.is_empty() {
            self.out.push(b',');
        }
        self.out.push(b'"');
        let begin = self.out.len();
        self.out.extend_from_slice(name.as_bytes());
        let end = self.out.len();
        self.out.extend_from_slice(b"\":");
        self.fields.push(Field { name: begin..end, end });
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        value.serialize(Writer(self.out))?;
        let field = self.fields.last_mut().ok_or(Unfit)?;
        field.end = self.out.len();
        Ok(())
    }

    pub(super) fn field<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), Unfit> {
        self.name(name)?;
        self.value(value)
    }

    pub(super) fn finish(mut self) -> Result<(), Unfit> {
        let text = |field: &Field| &self.out[field.name.clone()];
        if !self.fields.is_sorted_by(|one, next| text(one) < text(next)) {
            self.fields.sort_by(|one, other| text(one).cmp(text(other)));
            // A name that stands twice has no place of its own.
            if !self.fields.is_sorted_by(|one, next| text(one) < text(next)) {
                return Err(Unfit);
            }
            let unsorted = self.out.split_off(self.start);
            for (place, field) in self.fields.iter().enumerate() {
                if place > 0 {
                    self.out.push(b',');
                }
                let (begin, end) = (field.begin() - self.start, field.end - self.start);
                self.out.extend_from_slice(&unsorted[begin..end]);
            }
        }
        self.out.extend_from_slice(self.close);
        Ok(())
    }
}

/// Names that the compiler knows: of a struct, and of a variant that has fields.
macro_rules! fields {
    ($($of:ident),*) => {$(
        impl ser::$of for Object<'_> {
            type Ok = ();
            type Error = Unfit;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Unfit> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Unfit> {
                self.finish()
            }
        }
    )*};
}

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Object<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit> {
        let mut name = Vec::new();
        key.serialize(Writer(&mut name))?;
        let name = String::from_utf8(name).map_err(|_| Unfit)?;
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).ok_or(Unfit)?;
        self.name(name)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        self.value(value)
    }

    fn end(self) -> Result<(), Unfit> {
        self.finish()
    }
}
