//! `croissant.json`: the version as Croissant 1.1 metadata, by which data loaders
//! find files, check their checksums and know the columns.
//!
//! What is particular here was found by trying the mlcroissant library: a file
//! set that is said to be contained in Parquet files validates but does not load,
//! so that the file sets stand beside the files; paths are relative to this file.

use serde_json::{Map, Value, json};

use super::words;
use crate::preparation::{Column, Manifest, TableSchema};

pub fn croissant(manifest: &Manifest) -> Value {
    let lineage = &manifest.lineage;
    let dataset = lineage.dataset;
    let files = manifest.files.iter().map(|file| {
        json!({
            "@type": "cr:FileObject",
            "@id": file.path,
            "name": file.path,
            "contentUrl": file.path,
            "encodingFormat": "application/x-parquet",
            "contentSize": format!("{} B", file.bytes),
            "sha256": file.sha256,
        })
    });
    let sets = manifest.tables.iter().map(|table| {
        json!({
            "@type": "cr:FileSet",
            "@id": set(table),
            "name": set(table),
            "includes": format!("{}/*.parquet", table.table),
            "encodingFormat": "application/x-parquet",
        })
    });
    json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": format!("fincoach-{dataset}"),
        "description": words::description(dataset),
        "version": format!("{}.0.0", lineage.version.0),
        // From the events, since no wall clock is in a version.
        "datePublished": manifest.statistics.get("cut"),
        "license": "https://choosealicense.com/licenses/other/",
        "url": format!("urn:fincoach:{dataset}:{}", manifest.digest),
        "creator": {"@type": "sc:Organization", "name": "FinCoach"},
        "citeAs": format!("fincoach-{dataset} {}, digest {}", lineage.version, manifest.digest),
        "distribution": files.chain(sets).collect::<Vec<_>>(),
        "recordSet": manifest.tables.iter().map(record_set).collect::<Vec<_>>(),
    })
}

fn set(table: &TableSchema) -> String {
    format!("{}-files", table.table)
}

fn record_set(table: &TableSchema) -> Value {
    let fields = table.columns.iter().map(|column| field(table, column));
    json!({
        "@type": "cr:RecordSet",
        "@id": table.table,
        "name": table.table,
        "field": fields.collect::<Vec<_>>(),
    })
}

fn field(table: &TableSchema, column: &Column) -> Value {
    let (data_type, items) = data_type(&column.data_type);
    let id = format!("{}/{}", table.table, column.name);
    let mut field = Map::new();
    field.insert("@type".into(), json!("cr:Field"));
    field.insert("@id".into(), json!(id));
    field.insert("name".into(), json!(id));
    field.insert("dataType".into(), json!(data_type));
    field.insert("source".into(), json!({"fileSet": {"@id": set(table)}, "extract": {"column": column.name}}));
    if let Some(items) = items {
        field.insert("isArray".into(), json!(true));
        field.insert("arrayShape".into(), json!(items.to_string()));
    }
    Value::Object(field)
}

/// Croissant's name of an Arrow type, and the length of a list.
fn data_type(arrow: &str) -> (&'static str, Option<usize>) {
    if let Some(list) = arrow.strip_prefix("FixedSizeList(") {
        let digits: String = list.chars().take_while(char::is_ascii_digit).collect();
        return ("cr:Float32", digits.parse().ok());
    }
    let name = match arrow {
        "Utf8" => "sc:Text",
        "Float32" => "cr:Float32",
        "Float64" => "cr:Float64",
        "Boolean" => "sc:Boolean",
        "Int8" => "cr:Int8",
        "Int32" => "cr:Int32",
        "UInt32" => "cr:UInt32",
        other if other.starts_with("Timestamp") => "sc:DateTime",
        _ => "sc:Text",
    };
    (name, None)
}

/// The context as the specification has it, with https://schema.org/, which the
/// library insists on.
fn context() -> Value {
    serde_json::from_str(include_str!("context.json")).unwrap_or_default()
}
