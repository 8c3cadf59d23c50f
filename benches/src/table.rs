//! A table for people: columns as wide as what is in them, the first to the left, all others to the right.

/// Rows with their head.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(head: &[&str]) -> Table {
        Table { rows: vec![head.iter().map(|h| (*h).to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[String]) {
        self.rows.push(cells.to_vec());
    }

    /// Prints it.
    pub fn print(&self) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |c: usize| self.rows.iter().filter_map(|r| r.get(c)).map(|v| v.chars().count()).max().unwrap_or(0);
        for row in &self.rows {
            let cells: Vec<String> = (0..columns)
                .map(|c| {
                    let (cell, width) = (row.get(c).map_or("", String::as_str), width(c));
                    if c == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                })
                .collect();
            println!("{}", cells.join("  ").trim_end());
        }
    }
}

impl Table {
    /// Prints it as Markdown.
    pub fn print_markdown(&self) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        for (at, row) in self.rows.iter().enumerate() {
            println!("| {} |", row.join(" | "));
            if at == 0 {
                println!("|---{}|", "|--:".repeat(columns.saturating_sub(1)));
            }
        }
    }
}

/// A number with few digits.
#[must_use]
pub fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
