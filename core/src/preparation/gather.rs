//! Events in whatever order a file has them: gathered by user while memory lasts,
//! then spilled in sorted runs. A run holds users in part; parts are joined when
//! the runs are merged.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::builder::Builder;
use super::user::User;
use crate::event::line::Line;
use crate::event::{EventType, StoredEvent, UserId};
use crate::features::Transaction;

/// Fills a [`Builder`] with single events.
#[derive(Debug)]
pub struct Gather {
    builder: Builder,
    users: HashMap<UserId, User>,
    /// What the gathered users take in memory, with the room that they have left to grow.
    bytes: usize,
}

impl Gather {
    /// Into an empty builder.
    pub fn new(builder: Builder) -> Self {
        Self { builder: builder.joining(), users: HashMap::new(), bytes: 0 }
    }

    /// Takes an event that is read in place, as of `now`; answers whether it did.
    /// It takes transactions: of other types it wants the [`StoredEvent`].
    pub fn add_line(&mut self, line: &Line<'_>, now: DateTime<Utc>) -> bool {
        if line.data.schema.event_type != EventType::TransactionCreation.name() {
            return false;
        }
        let transaction = Transaction::of_line(line, now, self.builder.clock_skew());
        if let Some(transaction) = self.builder.keep_failure(transaction) {
            self.bytes += self.user(line.user).push(transaction);
            self.make_room();
        }
        true
    }

    /// Takes an event of any type.
    pub fn add(&mut self, stored: &StoredEvent) {
        let (clock_skew, reads) = (self.builder.clock_skew(), self.builder.reads());
        let added = self.user(stored.event.user).add(stored, clock_skew, reads);
        if let Some(bytes) = self.builder.keep_failure(added) {
            self.bytes += bytes;
            self.make_room();
        }
    }

    fn user(&mut self, user: UserId) -> &mut User {
        self.users.entry(user).or_insert_with(|| {
            self.bytes += size_of::<(UserId, User)>();
            self.builder.user(user)
        })
    }

    fn make_room(&mut self) {
        if self.bytes > self.builder.memory() {
            self.hand_over();
            self.builder.spill_held();
        }
    }

    fn hand_over(&mut self) {
        for (_, mut user) in self.users.drain() {
            user.order();
            self.builder.hold(user);
        }
        self.bytes = 0;
    }

    /// The builder, with all events in it.
    pub fn finish(mut self) -> Builder {
        self.hand_over();
        self.builder
    }
}
