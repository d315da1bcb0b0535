//! Upkeep of the streams, which dynoxide never trims: it keeps every record,
//! and finds the number of the next one by a full scan.

use std::path::Path;

use anyhow::Result;
use rusqlite::Connection;

/// The records that a table's stream keeps over a restart. A reader that
/// starts anew reads this many again; it needs them only as a hint to look at
/// the state, and the sweep finds what a trimmed record would have told.
///
/// Never 0: the engine numbers a record by the clock, but above the newest one
/// that it holds, which keeps the order when the clock is set back.
pub(in crate::engine) const KEPT: u32 = 1_000;

/// Makes numbering and reading independent of a stream's length.
const INDEX: &str = "CREATE INDEX IF NOT EXISTS _stream_records_by_number
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// Where a stream holds fewer records than are kept, the inner query is empty,
/// the comparison with its NULL is never true, and nothing is deleted.
const TRIM: &str = "DELETE FROM _stream_records WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= (
    SELECT CAST(sequence_number AS INTEGER) FROM _stream_records WHERE table_name = ?1
    ORDER BY CAST(sequence_number AS INTEGER) DESC LIMIT 1 OFFSET ?2)";

/// Indexes and trims the stream records in `file`. The engine has opened it, so
/// that the schema is there also when the file is new, but does not serve yet.
pub(super) fn maintain(file: &Path) -> Result<()> {
    let mut database = Connection::open(file)?;
    let upkeep = database.transaction()?;
    upkeep.execute_batch(INDEX)?;
    let tables: Vec<String> = upkeep
        .prepare("SELECT DISTINCT table_name FROM _stream_records")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for table in tables {
        upkeep.execute(TRIM, (table, KEPT))?;
    }
    upkeep.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::{Scratch, plan};

    #[test]
    fn the_engines_own_queries_use_the_index() {
        let folder = Scratch::new();
        let file = folder.path().join("a.sqlite");
        drop(dynoxide::Database::new(file.to_str().unwrap()).unwrap());
        maintain(&file).unwrap();
        let database = Connection::open(&file).unwrap();
        // As dynoxide writes them, in `next_stream_sequence_number` and `stream_records_with_event_ids`.
        for query in [
            "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = ?1",
            "SELECT event_name FROM _stream_records WHERE table_name = ?1 AND shard_id = 's' \
             AND CAST(sequence_number AS INTEGER) > 7 ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 9",
        ] {
            let plan = plan(&database, query);
            assert!(plan.contains("_stream_records_by_number") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
