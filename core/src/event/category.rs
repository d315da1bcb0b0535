//! The canonical spending categories, and the table that takes the names of real
//! senders to them.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The mapping as data: `name,category` a line.
const TABLE: &str = include_str!("categories.csv");

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    Groceries,
    DineOut,
    Entertainment,
    Bills,
    Transport,
    Shopping,
    Health,
    Fitness,
    Savings,
    Income,
    Other,
}

impl Category {
    /// In the order that is a contract with the models.
    pub const ALL: [Category; 11] = [
        Category::Groceries,
        Category::DineOut,
        Category::Entertainment,
        Category::Bills,
        Category::Transport,
        Category::Shopping,
        Category::Health,
        Category::Fitness,
        Category::Savings,
        Category::Income,
        Category::Other,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Category::Groceries => "groceries",
            Category::DineOut => "dine_out",
            Category::Entertainment => "entertainment",
            Category::Bills => "bills",
            Category::Transport => "transport",
            Category::Shopping => "shopping",
            Category::Health => "health",
            Category::Fitness => "fitness",
            Category::Savings => "savings",
            Category::Income => "income",
            Category::Other => "other",
        }
    }

    /// The category that a sender means by `name`; `None` where nobody knows.
    pub fn from_name(name: &str) -> Option<Self> {
        static BY_NAME: LazyLock<HashMap<&str, Category>> = LazyLock::new(|| {
            let listed = rows().filter_map(|(name, category)| Some((name, Category::of_canonical(category)?)));
            Category::ALL.into_iter().map(|category| (category.name(), category)).chain(listed).collect()
        });
        let name = name.trim();
        let mut lower = [0; 32];
        // Nearly every name: lower case in place.
        if let Some(lower) = lower.get_mut(..name.len()).filter(|_| name.is_ascii()) {
            lower.copy_from_slice(name.as_bytes());
            lower.make_ascii_lowercase();
            return std::str::from_utf8(lower).ok().and_then(|name| BY_NAME.get(name)).copied();
        }
        BY_NAME.get(name.to_lowercase().as_str()).copied()
    }

    fn of_canonical(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }

    /// Identifies the mapping: hexadecimal SHA-256 of the table.
    pub fn table_hash() -> String {
        hex::encode(Sha256::digest(TABLE))
    }
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(','))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_names_each_name_once_and_only_categories_that_there_are() {
        let mut names: HashSet<&str> = Category::ALL.into_iter().map(Category::name).collect();
        for (name, category) in rows() {
            assert_eq!(name, name.trim().to_lowercase(), "names are listed as they are compared");
            assert!(names.insert(name), "{name} is listed twice");
            assert!(Category::of_canonical(category).is_some(), "{category} is no category");
        }
        assert!(TABLE.lines().all(|line| line.starts_with('#') || line.contains(',')));
    }

    #[test]
    fn names_are_compared_trimmed_and_case_folded() {
        assert_eq!(Category::from_name("Groceries "), Some(Category::Groceries));
        assert_eq!(Category::from_name(" DINE OUT"), Some(Category::DineOut));
        assert_eq!(Category::from_name("Mortgage"), Some(Category::Bills));
        assert_eq!(Category::from_name(&format!("{:>40}", "RENT")), Some(Category::Bills));
        assert_eq!(Category::from_name("a name of more than thirty-two bytes"), None);
        // The sign of the kelvin, of which the lower case is an ASCII letter.
        assert_eq!(Category::from_name("par\u{212a}ing"), Some(Category::Transport));
        assert_eq!(Category::from_name("Purchase of uk.eg.org"), None);
        assert_eq!(Category::from_name(""), None);
    }
}
