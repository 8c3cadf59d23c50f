//! Just enough lexing of a statement to find where an INSERT's data begin, and which format a result has.
//!
//! Nothing here understands SQL: what it does not recognize goes to the engine whole, which then says what is wrong.

/// What to do with the text of a statement, as far as it is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan<'a> {
    /// An INSERT with its data in the request.
    Insert(Insert<'a>),
    /// Anything else: the engine gets the whole text.
    Whole,
    /// The text so far does not tell.
    NeedMore,
}

/// An INSERT, cut at its data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Insert<'a> {
    /// The statement without `FORMAT …` or `VALUES`.
    pub head: &'a [u8],
    /// The name after FORMAT, or `Values`.
    pub format: &'a [u8],
    /// Where the data begin, in bytes from the start of the text.
    pub data_at: usize,
}

/// Reads the beginning of a statement. `complete` says that no more text will come.
pub(crate) fn plan(text: &[u8], complete: bool) -> Plan<'_> {
    let undecided = if complete { Plan::Whole } else { Plan::NeedMore };
    let mut lexer = Lexer::new(text);
    // A token that touches the end of what has come may go on: `ins` + `ert`, `/` + `*`, `'it'` + `'s'`.
    let is_open = |token: &Token<'_>| !complete && token.end == text.len();
    match lexer.next_token() {
        Ok(Some(token)) if is_open(&token) => return Plan::NeedMore,
        Ok(Some(token)) if is_any(&token, &[b"insert"]) => {}
        Ok(Some(_)) => return Plan::Whole,
        Ok(None) | Err(Unclosed) => return undecided,
    }

    let mut depth = 0_u32;
    // `INTO`, `TABLE`, `FUNCTION` and a dot are followed by a name, even if that name is `values`.
    let mut name_follows = false;
    let mut after_opening = false;
    loop {
        let token = match lexer.next_token() {
            Ok(Some(token)) if is_open(&token) => return Plan::NeedMore,
            Ok(Some(token)) => token,
            Ok(None) if complete => {
                return Plan::Insert(Insert { head: text, format: b"Values", data_at: text.len() });
            }
            Ok(None) | Err(Unclosed) => return undecided,
        };
        let after_opening_now = std::mem::take(&mut after_opening);
        let name_follows_now = std::mem::take(&mut name_follows);
        match token.kind {
            Kind::Open => {
                depth += 1;
                after_opening = depth == 1;
            }
            Kind::Close => depth = depth.saturating_sub(1),
            Kind::Dot => name_follows = true,
            Kind::Comma | Kind::Semicolon | Kind::Other => {}
            Kind::Word(_) if name_follows_now => {
                // `INTO TABLE t`, `INTO FUNCTION f(…)`, `INTO TABLE FUNCTION f(…)`.
                name_follows = is_any(&token, &[b"table", b"function"]);
            }
            Kind::Word(_) if depth == 0 => {
                if is_any(&token, &[b"into", b"table", b"function"]) {
                    name_follows = true;
                } else if is_any(&token, &[b"select", b"with", b"infile", b"watch"]) {
                    return Plan::Whole;
                } else if is_any(&token, &[b"values"]) {
                    let head = &text[..token.start];
                    return Plan::Insert(Insert { head, format: b"Values", data_at: token.end });
                } else if is_any(&token, &[b"format"]) {
                    match lexer.next_token() {
                        Ok(Some(Token { kind: Kind::Word(format), end, .. })) => {
                            return match data_begin(text, end, complete) {
                                Some(data_at) => Plan::Insert(Insert { head: &text[..token.start], format, data_at }),
                                None => Plan::NeedMore,
                            };
                        }
                        _ => return undecided,
                    }
                }
            }
            // `INSERT INTO t (SELECT …)`, and not a list of columns that has one of this name.
            Kind::Word(_) if after_opening_now && is_any(&token, &[b"select", b"with"]) => match lexer.peek() {
                Ok(Some(token)) if is_open(&token) => return Plan::NeedMore,
                Ok(Some(Token { kind: Kind::Comma | Kind::Close, .. })) => {}
                Ok(Some(_)) => return Plan::Whole,
                Ok(None) | Err(Unclosed) => return undecided,
            },
            Kind::Word(_) => {}
        }
    }
}

/// The format that a query names at its end, if it does.
pub(crate) fn named_format(text: &[u8]) -> Option<&[u8]> {
    let mut lexer = Lexer::new(text);
    let mut depth = 0_u32;
    let mut previous: &[u8] = b"";
    while let Ok(Some(token)) = lexer.next_token() {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            Kind::Word(word) => {
                // A table or a column may be called `format`: the clause is followed by a name, and that by the end.
                let is_name = [&b"from"[..], b"join", b"table", b"as"].iter().any(|w| previous.eq_ignore_ascii_case(w));
                if depth == 0 && !is_name && word.eq_ignore_ascii_case(b"format") {
                    let mut ahead = lexer.clone();
                    if let Ok(Some(Token { kind: Kind::Word(format), .. })) = ahead.next_token() {
                        match ahead.next_token() {
                            Ok(None | Some(Token { kind: Kind::Semicolon, .. })) => return Some(format),
                            Ok(Some(next)) if is_any(&next, &[b"settings"]) => return Some(format),
                            _ => {}
                        }
                    }
                }
                previous = word;
                continue;
            }
            Kind::Dot => {
                previous = b"from";
                continue;
            }
            _ => {}
        }
        previous = b"";
    }
    None
}

/// The first word, lower case, looking through opening parentheses.
pub(crate) fn first_word(text: &[u8]) -> String {
    let mut lexer = Lexer::new(text);
    loop {
        match lexer.next_token() {
            Ok(Some(Token { kind: Kind::Open, .. })) => {}
            Ok(Some(Token { kind: Kind::Word(word), .. })) => {
                return String::from_utf8_lossy(word).to_ascii_lowercase();
            }
            _ => return String::new(),
        }
    }
}

/// After the format's name: spaces, then at most one line break; all else is data. None: not yet to be seen.
fn data_begin(text: &[u8], format_end: usize, complete: bool) -> Option<usize> {
    let mut at = format_end;
    while matches!(text.get(at), Some(b' ' | b'\t' | 0x0c)) {
        at += 1;
    }
    if text.get(at) == Some(&b'\r') {
        at += 1;
    }
    if at == text.len() && !complete {
        return None;
    }
    if text.get(at) == Some(&b'\n') {
        at += 1;
    }
    Some(at)
}

fn is_any(token: &Token<'_>, words: &[&[u8]]) -> bool {
    matches!(token.kind, Kind::Word(word) if words.iter().any(|w| word.eq_ignore_ascii_case(w)))
}

#[derive(Clone, Debug)]
struct Token<'a> {
    kind: Kind<'a>,
    start: usize,
    end: usize,
}

#[derive(Clone, Debug)]
enum Kind<'a> {
    /// A keyword, an unquoted name or a number.
    Word(&'a [u8]),
    Open,
    Close,
    Comma,
    Dot,
    Semicolon,
    /// A string, a quoted name, an operator, a byte that is none of the above.
    Other,
}

/// The text ends inside a string, a quoted name or a comment.
struct Unclosed;

#[derive(Clone)]
struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a [u8]) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    fn peek(&self) -> Result<Option<Token<'a>>, Unclosed> {
        self.clone().next_token()
    }

    fn next_token(&mut self) -> Result<Option<Token<'a>>, Unclosed> {
        self.skip_space_and_comments()?;
        let start = self.at;
        let Some(&first) = self.text.get(start) else {
            return Ok(None);
        };
        let kind = match first {
            b'\'' | b'"' | b'`' => {
                self.skip_quoted(first)?;
                Kind::Other
            }
            // Typographic quotes, which the engine takes for plain ones.
            0xe2 if self.rest().starts_with("‘".as_bytes()) => self.skip_past("’".as_bytes())?,
            0xe2 if self.rest().starts_with("“".as_bytes()) => self.skip_past("”".as_bytes())?,
            b'$' => match self.heredoc_tag() {
                Some(tag) => {
                    self.at += tag.len();
                    self.skip_past(tag)?
                }
                None => self.single(Kind::Other),
            },
            b'(' | b'[' | b'{' => self.single(Kind::Open),
            b')' | b']' | b'}' => self.single(Kind::Close),
            b',' => self.single(Kind::Comma),
            b'.' => self.single(Kind::Dot),
            b';' => self.single(Kind::Semicolon),
            first if is_word(first) => {
                let length = self.rest().iter().take_while(|byte| is_word(**byte)).count();
                self.at += length;
                Kind::Word(&self.text[start..self.at])
            }
            _ => self.single(Kind::Other),
        };
        Ok(Some(Token { kind, start, end: self.at }))
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    fn single(&mut self, kind: Kind<'a>) -> Kind<'a> {
        self.at += 1;
        kind
    }

    fn skip_space_and_comments(&mut self) -> Result<(), Unclosed> {
        loop {
            let rest = self.rest();
            if rest.first().is_some_and(|byte| byte.is_ascii_whitespace() || *byte == 0x0b) {
                self.at += 1;
            } else if rest.starts_with(b"--") || rest.starts_with(b"#!") || rest.starts_with(b"# ") {
                self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            } else if rest.starts_with(b"/*") {
                self.at += 2;
                self.skip_past(b"*/")?;
            } else {
                return Ok(());
            }
        }
    }

    /// Strings and quoted names end with their quote; a backslash or a second quote keeps it inside.
    fn skip_quoted(&mut self, quote: u8) -> Result<(), Unclosed> {
        self.at += 1;
        loop {
            let step = memchr::memchr2(quote, b'\\', self.rest()).ok_or(Unclosed)?;
            self.at += step;
            if self.text[self.at] == b'\\' {
                self.at += 2;
                if self.at > self.text.len() {
                    return Err(Unclosed);
                }
                continue;
            }
            self.at += 1;
            if self.text.get(self.at) != Some(&quote) {
                return Ok(());
            }
            self.at += 1;
        }
    }

    fn skip_past(&mut self, end: &[u8]) -> Result<Kind<'a>, Unclosed> {
        let step = memchr::memmem::find(self.rest(), end).ok_or(Unclosed)?;
        self.at += step + end.len();
        Ok(Kind::Other)
    }

    /// `$tag$`, which begins a string that ends with the same.
    fn heredoc_tag(&self) -> Option<&'a [u8]> {
        let rest = self.rest();
        let length = rest[1..].iter().take_while(|byte| is_word(**byte)).count();
        (rest.get(1 + length) == Some(&b'$')).then(|| &rest[..length + 2])
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` marks where the data begin.
    fn check_insert(marked: &str, head: &str, format: &str) {
        let data_at = marked.find('|').expect("a mark");
        let text = marked.replacen('|', "", 1);
        let expected = Insert { head: head.as_bytes(), format: format.as_bytes(), data_at };
        assert_eq!(plan(text.as_bytes(), true), Plan::Insert(expected), "{text}");
        check_prefixes(text.as_bytes());
    }

    fn check_whole(text: &str) {
        assert_eq!(plan(text.as_bytes(), true), Plan::Whole, "{text}");
        check_prefixes(text.as_bytes());
    }

    /// What is said of a beginning must still be right when more has come.
    fn check_prefixes(text: &[u8]) {
        let at_end = plan(text, true);
        for length in 0..=text.len() {
            let early = plan(&text[..length], false);
            if early != Plan::NeedMore {
                assert_eq!(early, at_end, "after {length} bytes of {}", String::from_utf8_lossy(text));
            }
        }
    }

    #[test]
    fn the_data_begin_after_the_format_and_one_line_break() {
        check_insert("INSERT INTO t(a,b) FORMAT RowBinary|", "INSERT INTO t(a,b) ", "RowBinary");
        check_insert("insert into t format CSV\n|1,2", "insert into t ", "CSV");
        check_insert("insert into t format CSV \t\r\n|\n1,2", "insert into t ", "CSV");
        check_insert("insert into t format TSV  |1", "insert into t ", "TSV");
        check_insert(
            "INSERT INTO t (a, b) SETTINGS insert_deduplication_token = 'format x', async_insert=0 FORMAT Native\n|\x01\x02",
            "INSERT INTO t (a, b) SETTINGS insert_deduplication_token = 'format x', async_insert=0 ",
            "Native",
        );
    }

    #[test]
    fn values_are_data_too() {
        check_insert("INSERT INTO t VALUES| (1, 'values')", "INSERT INTO t ", "Values");
        check_insert("insert into db.t (a) values|(1)", "insert into db.t (a) ", "Values");
        check_insert("insert into t partition by a values| (1)", "insert into t partition by a ", "Values");
        check_insert("INSERT INTO t|", "INSERT INTO t", "Values");
    }

    #[test]
    fn names_may_be_keywords() {
        check_insert("insert into format values| (1)", "insert into format ", "Values");
        check_insert("insert into values format CSV\n|1", "insert into values ", "CSV");
        check_insert(
            "insert into db.values (format, values) format CSV\n|1",
            "insert into db.values (format, values) ",
            "CSV",
        );
        check_insert("insert into t (select, with) values| (1)", "insert into t (select, with) ", "Values");
        check_insert("insert into `a;b` format CSV|", "insert into `a;b` ", "CSV");
        check_insert("insert into \"x \\\" values\" format CSV|", "insert into \"x \\\" values\" ", "CSV");
        check_insert("insert into table t values| (1)", "insert into table t ", "Values");
        check_insert(
            "insert into table function file('format', CSV) format CSV|",
            "insert into table function file('format', CSV) ",
            "CSV",
        );
    }

    #[test]
    fn comments_and_strings_hide_what_is_in_them() {
        check_insert(
            "/* insert */ -- values\ninsert into t -- format CSV\n values|(1)",
            "/* insert */ -- values\ninsert into t -- format CSV\n ",
            "Values",
        );
        check_insert("#!shebang\ninsert into t # values\nformat CSV|", "#!shebang\ninsert into t # values\n", "CSV");
        check_insert(
            "insert into t settings x='it''s \\' values' format CSV|",
            "insert into t settings x='it''s \\' values' ",
            "CSV",
        );
        check_insert(
            "insert into t settings x=$tag$ values $ta$ $tag$ format CSV|",
            "insert into t settings x=$tag$ values $ta$ $tag$ ",
            "CSV",
        );
    }

    #[test]
    fn unicode_is_passed_over() {
        check_insert("insert into `дзвінки` (`ім'я`) values| ('Олена')", "insert into `дзвінки` (`ім'я`) ", "Values");
        check_insert("insert into таблиця format CSV\n|ї", "insert into таблиця ", "CSV");
        check_insert("insert into t settings x=‘ values ’ format CSV|", "insert into t settings x=‘ values ’ ", "CSV");
        check_whole("select 'insert into t values' -- 📞");
    }

    #[test]
    fn what_carries_no_data_goes_whole() {
        check_whole("INSERT INTO t SELECT 1 FORMAT JSON");
        check_whole("INSERT INTO t (a) WITH x AS (SELECT 1) SELECT * FROM x");
        check_whole("insert into t (select 1)");
        check_whole("insert into t from infile 'values.csv' format CSV");
        check_whole("WITH insert AS (SELECT 1) SELECT * FROM insert");
        check_whole("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x");
        check_whole("SELECT 'insert into t values (1)'");
        check_whole("(SELECT 1)");
        check_whole("EXPLAIN INSERT INTO t VALUES (1)");
        check_whole("inserted");
        check_whole("");
        check_whole("  -- only a comment");
    }

    #[test]
    fn half_a_statement_waits_for_more() {
        for text in [
            "",
            " ",
            "ins",
            "insert",
            "/* ",
            "insert into t",
            "insert into t form",
            "insert into t format",
            "insert into t format Nat",
            "insert into t format CSV  ",
            "insert into t format CSV\r",
            "insert into t 'unclosed",
        ] {
            assert_eq!(plan(text.as_bytes(), false), Plan::NeedMore, "{text}");
        }
    }

    #[test]
    fn hostile_bytes_give_an_answer() {
        let mut seed = 7_u64;
        let alphabet = b"insert into format values select '\"`\\$-#/*()[]{};.,\xe2\x80\x98\xff\0\n aZ0_";
        for _ in 0..20_000 {
            let mut text = b"insert into ".to_vec();
            for _ in 0..24 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push(alphabet[(seed >> 33) as usize % alphabet.len()]);
            }
            if let Plan::Insert(insert) = plan(&text, true) {
                assert!(insert.data_at <= text.len());
            }
            check_prefixes(&text);
            named_format(&text);
            first_word(&text);
        }
    }

    #[test]
    fn the_named_format_is_the_clause_and_no_column() {
        let check = |text: &str, format: Option<&str>| {
            assert_eq!(named_format(text.as_bytes()), format.map(str::as_bytes), "{text}");
        };
        check("select format('x') from t format JSON settings a=1", Some("JSON"));
        check("select 1 format Native;", Some("Native"));
        check("select 1\nFORMAT\nTSV -- end", Some("TSV"));
        check("select format from t", None);
        check("select 1 as format", None);
        check("select * from format final", None);
        check("select * from db.format final", None);
        check("select (select 1 format JSON)", None);
        check("select 1", None);
    }
}
