//! Building the columns of a table, row by row or many rows at once.

use std::mem::replace;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, FixedSizeListBuilder, Float32Builder, Float64Builder, Int8Builder, Int32Builder,
    StringBuilder, TimestampMicrosecondBuilder, UInt32Builder,
};
use arrow_schema::{DataType, Field, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// One value of a row.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    Text(&'a str),
    Float64(f64),
    Float32(f32),
    Int8(i8),
    Int32(i32),
    UInt32(u32),
    Bool(bool),
    /// UTC, to the microsecond.
    Time(DateTime<Utc>),
    /// Midnight, without a zone: what pandas and the forecasting libraries call a date.
    Day(NaiveDate),
    Singles(&'a [f32]),
    Null,
}

/// The values of a column in consecutive rows.
#[derive(Clone, Copy, Debug)]
pub enum Cells<'a> {
    /// The same text in each.
    Same(&'a str),
    Texts(&'a [&'a str]),
    Float64(&'a [f64]),
    Int8(&'a [i8]),
    Bool(&'a [bool]),
    Day(&'a [NaiveDate]),
}

macro_rules! cell_from {
    ($($type:ty => $variant:ident),* $(,)?) => {
        $(impl<'a> From<$type> for Cell<'a> {
            fn from(value: $type) -> Self {
                Cell::$variant(value)
            }
        })*
    };
}

cell_from! {
    &'a str => Text, f64 => Float64, f32 => Float32, i8 => Int8, i32 => Int32, u32 => UInt32, bool => Bool,
    DateTime<Utc> => Time, NaiveDate => Day, &'a [f32] => Singles,
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

/// A column under construction.
#[derive(Debug)]
pub enum ColumnBuilder {
    Text(StringBuilder),
    Float64(Float64Builder),
    Float32(Float32Builder),
    Int8(Int8Builder),
    Int32(Int32Builder),
    UInt32(UInt32Builder),
    Bool(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Singles(FixedSizeListBuilder<Float32Builder>),
}

impl ColumnBuilder {
    /// # Panics
    /// For a type of which no dataset has declared a column yet: add it here.
    pub fn of(field: &Field) -> Self {
        match field.data_type() {
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::Float64 => Self::Float64(Float64Builder::new()),
            DataType::Float32 => Self::Float32(Float32Builder::new()),
            DataType::Int8 => Self::Int8(Int8Builder::new()),
            DataType::Int32 => Self::Int32(Int32Builder::new()),
            DataType::UInt32 => Self::UInt32(UInt32Builder::new()),
            DataType::Boolean => Self::Bool(BooleanBuilder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                Self::Time(TimestampMicrosecondBuilder::new().with_timezone_opt(zone.clone()))
            }
            DataType::FixedSizeList(item, length) if item.data_type() == &DataType::Float32 => {
                let list = FixedSizeListBuilder::new(Float32Builder::new(), *length);
                Self::Singles(list.with_field(Arc::clone(item)))
            }
            other => panic!("no column is built of {other}"),
        }
    }

    /// # Panics
    /// Where the value is of another type than the column: rows and their table
    /// are declared in one file, and its tests make both meet.
    // Where the kind of a cell is known, what is left is one comparison.
    #[inline]
    pub fn append(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(column), Cell::Text(value)) => column.append_value(value),
            (Self::Float64(column), Cell::Float64(value)) => column.append_value(value),
            (Self::Float32(column), Cell::Float32(value)) => column.append_value(value),
            (Self::Int8(column), Cell::Int8(value)) => column.append_value(value),
            (Self::Int32(column), Cell::Int32(value)) => column.append_value(value),
            (Self::UInt32(column), Cell::UInt32(value)) => column.append_value(value),
            (Self::Bool(column), Cell::Bool(value)) => column.append_value(value),
            (Self::Time(column), Cell::Time(value)) => column.append_value(value.timestamp_micros()),
            (Self::Time(column), Cell::Day(value)) => column.append_value(midnight(value)),
            (Self::Singles(column), Cell::Singles(values)) => {
                column.values().append_slice(values);
                column.append(true);
            }
            (Self::Text(column), Cell::Null) => column.append_null(),
            (Self::Float64(column), Cell::Null) => column.append_null(),
            (Self::Float32(column), Cell::Null) => column.append_null(),
            (Self::Int8(column), Cell::Null) => column.append_null(),
            (Self::Int32(column), Cell::Null) => column.append_null(),
            (Self::UInt32(column), Cell::Null) => column.append_null(),
            (Self::Bool(column), Cell::Null) => column.append_null(),
            (Self::Time(column), Cell::Null) => column.append_null(),
            (column, cell) => column.refuse(cell),
        }
    }

    /// Appends the values of some of the rows.
    ///
    /// # Panics
    /// As [`ColumnBuilder::append`] does, and where `rows` are more than there are values.
    pub fn append_all(&mut self, cells: Cells<'_>, rows: Range<usize>) {
        match (self, cells) {
            (Self::Text(column), Cells::Same(value)) => rows.for_each(|_| column.append_value(value)),
            (Self::Text(column), Cells::Texts(values)) => {
                values[rows].iter().for_each(|value| column.append_value(value));
            }
            (Self::Float64(column), Cells::Float64(values)) => column.append_slice(&values[rows]),
            (Self::Int8(column), Cells::Int8(values)) => column.append_slice(&values[rows]),
            (Self::Bool(column), Cells::Bool(values)) => column.append_slice(&values[rows]),
            (Self::Time(column), Cells::Day(values)) => {
                values[rows].iter().for_each(|value| column.append_value(midnight(*value)));
            }
            (column, cells) => column.refuse(cells),
        }
    }

    #[cold]
    fn refuse(&self, cells: impl std::fmt::Debug) -> ! {
        panic!("{cells:?} does not go into {self:?}")
    }

    /// The values appended so far, which are forgotten. Texts and amounts keep room for as many more.
    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(column) => {
                let room = StringBuilder::with_capacity(column.len(), column.values_slice().len());
                Arc::new(replace(column, room).finish())
            }
            Self::Float64(column) => {
                let room = Float64Builder::with_capacity(column.len());
                Arc::new(replace(column, room).finish())
            }
            Self::Float32(column) => Arc::new(column.finish()),
            Self::Int8(column) => Arc::new(column.finish()),
            Self::Int32(column) => Arc::new(column.finish()),
            Self::UInt32(column) => Arc::new(column.finish()),
            Self::Bool(column) => Arc::new(column.finish()),
            Self::Time(column) => Arc::new(column.finish()),
            Self::Singles(column) => Arc::new(column.finish()),
        }
    }
}

/// In microseconds since the epoch.
fn midnight(day: NaiveDate) -> i64 {
    day.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
}
