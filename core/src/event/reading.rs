//! The values of `data`, each at the place of the field that declares it: what an
//! event that is read in place is checked by, and what records are judged by.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::cell::Cell;
use super::number::nearest_float;
use super::privacy;
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
}

impl<'a> Readings<'a> {
    /// The entries of `data` of an event of the type at `place`.
    pub fn new(place: usize, data: impl IntoIterator<Item = (Cow<'a, str>, Cell<'a>)>) -> Self {
        let schema = declared()[place];
        let absent = || Reading { cell: Cell::Absent, population: Population::Absent, number: None };
        let mut fields: Vec<Reading<'a>> = schema.fields.iter().map(|_| absent()).collect();
        let mut others = Vec::new();
        // Senders write keys in the order of the declaration more often than not.
        let mut expected = 0;
        for (key, cell) in data {
            let as_expected = schema.fields.get(expected).is_some_and(|field| field.name == key);
            match if as_expected { Some(expected) } else { schema.place(&key) } {
                Some(place) => {
                    expected = place + 1;
                    let number = matches!(schema.fields[place].kind, Kind::Number { .. } | Kind::Index);
                    let number = if number { cell.decimal() } else { None };
                    fields[place] = Reading { population: cell.population(), number, cell };
                }
                None => others.push((key, cell)),
            }
        }
        others.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self { place, schema, fields, others }
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
    pub fn are_kept_whole(&self, rules: &privacy::Rules) -> bool {
        let fields = self.schema.fields.iter().zip(&self.fields);
        !fields.into_iter().any(|(field, reading)| privacy::would_change(field.name, &reading.cell, rules))
            && !self
                .others
                .iter()
                .any(|(key, cell)| privacy::would_change_key(key, rules) || privacy::would_change(key, cell, rules))
    }
}
