//! Plots as SVG, to stand within a page.

use learning_core::quality::Bar;

use super::html::escaped;
use crate::report::short;

/// Bars of equal width: one for each class of values, which grow wider with the
/// values (the scale is logarithmic).
pub fn histogram(bars: &[Bar]) -> String {
    const WIDTH: f64 = 260.0;
    const HEIGHT: f64 = 48.0;
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1).max(1) as f64;
    let each = WIDTH / bars.len().max(1) as f64;
    let rectangles: String = bars
        .iter()
        .enumerate()
        .map(|(place, bar)| {
            let height = (bar.count as f64 / most * HEIGHT).max(0.5);
            let title = format!("{} to {}: {}", short(bar.from), short(bar.to), bar.count);
            rectangle(place as f64 * each, HEIGHT - height, (each - 1.0).max(0.5), height, &title)
        })
        .collect();
    let ends = bars.first().zip(bars.last()).map(|(first, last)| (short(first.from), short(last.to)));
    let (from, to) = ends.unwrap_or_default();
    format!(
        "<svg viewBox='0 0 {WIDTH} {}' width='{WIDTH}' role='img'>{rectangles}\
         <text x='0' y='{y}'>{from}</text><text x='{WIDTH}' y='{y}' text-anchor='end'>{to}</text></svg>",
        HEIGHT + 12.0,
        y = HEIGHT + 10.0
    )
}

/// Lying bars with their names and what they stand for, in the order given.
pub fn bars(rows: &[(String, f64, String)]) -> String {
    const NAMES: f64 = 380.0;
    const WIDTH: f64 = 300.0;
    const EACH: f64 = 18.0;
    let most = rows.iter().map(|row| row.1).fold(f64::MIN_POSITIVE, f64::max);
    let lines: String = rows
        .iter()
        .enumerate()
        .map(|(place, (name, value, shown))| {
            let top = place as f64 * EACH;
            let length = (value / most * WIDTH).max(0.5);
            let bar = rectangle(NAMES, top + 3.0, length, EACH - 6.0, shown);
            format!(
                "<text x='{}' y='{y}' text-anchor='end'>{}</text>{bar}<text x='{}' y='{y}'>{}</text>",
                NAMES - 6.0,
                escaped(name),
                NAMES + length + 6.0,
                escaped(shown),
                y = top + 13.0
            )
        })
        .collect();
    let (width, height) = (NAMES + WIDTH + 120.0, rows.len() as f64 * EACH);
    format!("<svg viewBox='0 0 {width} {height}' width='{width}' role='img'>{lines}</svg>")
}

fn rectangle(x: f64, y: f64, width: f64, height: f64, title: &str) -> String {
    let title = escaped(title);
    format!("<rect x='{x:.1}' y='{y:.1}' width='{width:.1}' height='{height:.1}'><title>{title}</title></rect>")
}
