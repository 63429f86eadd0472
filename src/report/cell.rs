//! Text in a cell of a CSV file that no spreadsheet takes for a formula.

/// What begins a formula, by OWASP's list, and the full-width forms that spreadsheets take for the same.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// Where a spreadsheet may begin another cell, whatever separator the file was written with.
const SEPARATORS: [char; 3] = [';', ',', '|'];
/// Letters without a width, and quotation marks: what follows them may still be the first that a spreadsheet sees.
const UNSEEN: [char; 9] = ['"', '\'', '\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{180e}'];

/// The text with an apostrophe before all that a spreadsheet would take for the beginning of a formula: at its start, and
/// where one that splits cells elsewhere would begin another: after a separator, a tab or the end of a line, blanks and
/// quotation marks or not. A tab or an end of a line at the very start gets one as well.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut begins = true;
    for letter in text.chars() {
        if begins && FORMULA.contains(&letter) || plain.is_empty() && ['\t', '\r', '\n'].contains(&letter) {
            plain.push('\'');
        }
        begins = match letter {
            // Controls are ends of lines to some, and nothing to others.
            _ if SEPARATORS.contains(&letter) || letter.is_control() || ['\u{2028}', '\u{2029}'].contains(&letter) => {
                true
            }
            _ if letter.is_whitespace() || UNSEEN.contains(&letter) => begins,
            _ => false,
        };
        plain.push(letter);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_no_formula_stays_as_it_is() {
        for harmless in
            ["", "Licencia", "a-b", "2+2=4", "ana@example.es", "García; Pérez", "a, b", "12:30", "a / b = c"]
        {
            assert_eq!(plain(harmless), harmless);
        }
    }

    #[test]
    fn no_cell_begins_a_formula_wherever_it_is_split() {
        for sign in FORMULA {
            for before in
                ["", "x;", "x,", "x\t", "x\n", "x\r\n", "x\r", "x|", "x\u{b}", "x\u{c}", "x\u{85}", "x\u{2028}"]
            {
                for between in [
                    "", " ", "   ", "\"", "'", "\u{a0}", "\u{3000}", "\u{2003}", "\u{feff}", "\u{200b}", "\" ", "\u{0}",
                ] {
                    let text = plain(&format!("{before}{between}{sign}cmd"));
                    assert!(text.ends_with(&format!("'{sign}cmd")), "{text:?}");
                }
            }
        }
        assert_eq!(plain("=1;=2\n=3"), "'=1;'=2\n'=3");
        assert_eq!(plain("\tx"), "'\tx");
        assert_eq!(plain("\r=x"), "'\r'=x");
    }
}
