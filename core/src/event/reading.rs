//! The values of `data`, each at the place of the field that declares it: what an
//! event that is read in place is checked by, and what records are judged by.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde_json::Value;

use super::cell::Cell;
use super::normal_form::NormalForm;
use super::number::nearest_float;
use super::privacy::Redactor;
use super::scan::Scan;
use super::schema::{EventSchema, Kind, Population, Refuse, declared};

/// What a field holds.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    pub cell: Cell<'a>,
    pub population: Population,
    /// The value of a numeric field, where it can be read.
    pub number: Option<Decimal>,
}

impl Reading<'_> {
    pub fn is_populated(&self) -> bool {
        self.population == Population::Populated
    }

    /// The text, without blanks around it, where there is any beside them.
    pub fn trimmed(&self) -> Option<&str> {
        self.cell.text().map(str::trim).filter(|text| !text.is_empty())
    }

    /// The binary number nearest to its value.
    pub fn float(&self) -> Option<f64> {
        self.number.map(nearest_float)
    }
}

/// What `data` of an event of a declared type holds.
#[derive(Clone, Debug)]
pub struct Readings<'a> {
    /// The type's place among the declared ones.
    pub place: usize,
    pub schema: &'static EventSchema,
    /// One for each declared field, in their order.
    pub fields: Vec<Reading<'a>>,
    /// What `data` holds beside declared fields, in order of the keys.
    pub others: Vec<(Cow<'a, str>, Cell<'a>)>,
    /// Whether all declared fields were written in their normal form, and once.
    pub were_normal: bool,
}

impl<'a> Readings<'a> {
    /// The entries of `data` of an event of the type at `place`.
    pub fn new(place: usize, data: impl IntoIterator<Item = (Cow<'a, str>, Cell<'a>)>) -> Self {
        let mut readings = Self::empty(place);
        let mut expected = 0;
        for (key, cell) in data {
            expected = readings.take(expected, key, cell);
        }
        readings.ordered()
    }

    /// The same, read from the JSON of `data`; `None` where it is no object.
    pub fn scan(place: usize, json: &mut Scan<'a>) -> Option<Self> {
        let mut readings = Self::empty(place);
        let mut expected = 0;
        json.object(|json, key| {
            expected = readings.take(expected, key, json.cell()?);
            Some(())
        })?;
        Some(readings.ordered())
    }

    fn empty(place: usize) -> Self {
        let schema = declared()[place];
        let absent = || Reading { cell: Cell::Absent, population: Population::Absent, number: None };
        let fields = schema.fields.iter().map(|_| absent()).collect();
        Self { place, schema, fields, others: Vec::new(), were_normal: true }
    }

    /// Takes an entry, and answers which field to expect after it: senders write keys in the
    /// order of the declaration more often than not.
    fn take(&mut self, expected: usize, key: Cow<'a, str>, cell: Cell<'a>) -> usize {
        let as_expected = self.schema.fields.get(expected).is_some_and(|field| field.name == key);
        let Some(place) = (if as_expected { Some(expected) } else { self.schema.place(&key) }) else {
            self.others.push((key, cell));
            return expected;
        };
        let kind = &self.schema.fields[place].kind;
        let cell = match NormalForm::of(kind, &cell) {
            None => cell,
            Some(normal) => {
                self.were_normal = false;
                normal.into()
            }
        };
        let number = if matches!(kind, Kind::Number { .. } | Kind::Index) { cell.decimal() } else { None };
        self.were_normal &= matches!(self.fields[place].cell, Cell::Absent);
        self.fields[place] = Reading { population: kind.population(&cell), number, cell };
        place + 1
    }

    fn ordered(mut self) -> Self {
        self.others.sort_by(|(one, _), (other, _)| one.cmp(other));
        self
    }

    /// Whether no value has `depth` levels of nesting or more.
    pub fn are_shallower(&self, depth: usize) -> bool {
        let cells = self.fields.iter().map(|field| &field.cell).chain(self.others.iter().map(|(_, cell)| cell));
        cells.into_iter().all(|cell| match cell {
            Cell::Nested(value) => is_shallower(value, depth),
            _ => true,
        })
    }

    /// Whether ingestion takes the event in, as far as its fields decide.
    pub fn are_admissible(&self) -> bool {
        self.schema.fields.iter().zip(&self.fields).all(|(field, reading)| match field.refuse {
            Refuse::Never => true,
            Refuse::Unpopulated => reading.is_populated(),
            Refuse::Unreadable => reading.is_populated() && reading.number.is_some(),
            Refuse::Invalid => reading.is_populated() && field.kind.check_read(&reading.cell, reading.number).is_ok(),
        })
    }

    /// Whether ingestion keeps them as they are: it hides nothing of them.
    pub fn are_kept_whole(&self, redactor: &Redactor) -> bool {
        let fields = self.schema.fields.iter().zip(&self.fields);
        !fields.into_iter().any(|(field, reading)| redactor.would_change(field.name, &reading.cell))
            && !self.others.iter().any(|(key, cell)| redactor.would_change_key(key) || redactor.would_change(key, cell))
    }
}

/// Whether a value has fewer than `depth` levels of nesting, plainly.
fn is_shallower(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => depth > 1 && items.iter().all(|item| is_shallower(item, depth - 1)),
        Value::Object(map) => depth > 1 && map.values().all(|item| is_shallower(item, depth - 1)),
        _ => true,
    }
}
