//! Reading and writing the attributes of items.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};

use crate::event::format_time;

pub type Item = HashMap<String, AttributeValue>;

pub fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub fn number(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(format!("{number}"))
}

pub fn time(time: DateTime<Utc>) -> AttributeValue {
    string(format_time(time))
}

/// An item of `pairs`.
pub fn item<const N: usize>(pairs: [(&str, AttributeValue); N]) -> Item {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub fn get_string<'a>(item: &'a Item, name: &str) -> Result<&'a str> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => bail!("the stored item has no text attribute {name}"),
    }
}

/// `None` where the attribute is absent.
pub fn find_number<T: std::str::FromStr>(item: &Item, name: &str) -> Result<Option<T>> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::N(text)) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => bail!("the stored attribute {name} holds {text}, which cannot be"),
        },
        Some(_) => bail!("the stored attribute {name} is not a number"),
    }
}

pub fn get_number<T: std::str::FromStr>(item: &Item, name: &str) -> Result<T> {
    find_number(item, name)?.with_context(|| format!("the stored item has no number {name}"))
}

pub fn get_time(item: &Item, name: &str) -> Result<DateTime<Utc>> {
    let text = get_string(item, name)?;
    text.parse().with_context(|| format!("the stored attribute {name} holds {text}, which is no time"))
}
