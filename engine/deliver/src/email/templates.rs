//! What mails say: templates, all read and checked at the start; and one of them filled in for one reader.
//!
//! The templates that come along are in `src/templates`; an installation adds its own, or replaces files of these, in
//! the folder `templates` of its settings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use directory::{Directory, Language};
use handlebars::{Handlebars, RenderError, RenderErrorReason};
use serde_json::{Map, Value, json};

use super::functions::{self, MAIL_KEY};
use super::walk;
use crate::recipients::Recipient;

/// A longer file is no template.
pub const TEMPLATE_BYTES_MAX: u64 = 64 * 1024;
/// One installation has no more templates of its own.
pub const TEMPLATES_MAX: usize = 200;
/// A part of a mail is no longer.
pub const RENDERED_BYTES_MAX: usize = 256 * 1024;
/// A subject is cut off here: programs show less.
pub const SUBJECT_CHARS_MAX: usize = 160;

/// Each template that comes along: its name, language, part and text.
const BUILT_IN: [(&str, Language, Part, &str); 24] = [
    ("missed", Language::En, Part::Subject, include_str!("../templates/missed/en.subject.hbs")),
    ("missed", Language::En, Part::Text, include_str!("../templates/missed/en.text.hbs")),
    ("missed", Language::En, Part::Html, include_str!("../templates/missed/en.html.hbs")),
    ("missed", Language::Uk, Part::Subject, include_str!("../templates/missed/uk.subject.hbs")),
    ("missed", Language::Uk, Part::Text, include_str!("../templates/missed/uk.text.hbs")),
    ("missed", Language::Uk, Part::Html, include_str!("../templates/missed/uk.html.hbs")),
    ("overdue", Language::En, Part::Subject, include_str!("../templates/overdue/en.subject.hbs")),
    ("overdue", Language::En, Part::Text, include_str!("../templates/overdue/en.text.hbs")),
    ("overdue", Language::En, Part::Html, include_str!("../templates/overdue/en.html.hbs")),
    ("overdue", Language::Uk, Part::Subject, include_str!("../templates/overdue/uk.subject.hbs")),
    ("overdue", Language::Uk, Part::Text, include_str!("../templates/overdue/uk.text.hbs")),
    ("overdue", Language::Uk, Part::Html, include_str!("../templates/overdue/uk.html.hbs")),
    ("limit", Language::En, Part::Subject, include_str!("../templates/limit/en.subject.hbs")),
    ("limit", Language::En, Part::Text, include_str!("../templates/limit/en.text.hbs")),
    ("limit", Language::En, Part::Html, include_str!("../templates/limit/en.html.hbs")),
    ("limit", Language::Uk, Part::Subject, include_str!("../templates/limit/uk.subject.hbs")),
    ("limit", Language::Uk, Part::Text, include_str!("../templates/limit/uk.text.hbs")),
    ("limit", Language::Uk, Part::Html, include_str!("../templates/limit/uk.html.hbs")),
    ("plain", Language::En, Part::Subject, include_str!("../templates/plain/en.subject.hbs")),
    ("plain", Language::En, Part::Text, include_str!("../templates/plain/en.text.hbs")),
    ("plain", Language::En, Part::Html, include_str!("../templates/plain/en.html.hbs")),
    ("plain", Language::Uk, Part::Subject, include_str!("../templates/plain/uk.subject.hbs")),
    ("plain", Language::Uk, Part::Text, include_str!("../templates/plain/uk.text.hbs")),
    ("plain", Language::Uk, Part::Html, include_str!("../templates/plain/uk.html.hbs")),
];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Part {
    Subject,
    Text,
    Html,
}

impl Part {
    const ALL: [Part; 3] = [Part::Subject, Part::Text, Part::Html];

    fn word(self) -> &'static str {
        match self {
            Part::Subject => "subject",
            Part::Text => "text",
            Part::Html => "html",
        }
    }
}

/// Every template of an installation.
pub struct Templates {
    /// Where nothing is escaped: subjects and texts.
    plain: Handlebars<'static>,
    /// Where HTML is.
    html: Handlebars<'static>,
    /// Name -> the languages in which there is a subject and a text.
    known: BTreeMap<String, BTreeSet<Language>>,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").field("known", &self.known).finish_non_exhaustive()
    }
}

/// What is wrong with a template, or with what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The template's file, or its name.
    pub place: String,
    /// Where in it, from 1.
    pub line: Option<usize>,
    /// What is wrong, as the rest of a sentence that begins with the place.
    pub sentence: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "template {}, line {line}: {}", self.place, self.sentence),
            None => write!(f, "template {}: {}", self.place, self.sentence),
        }
    }
}

impl std::error::Error for TemplateError {}

/// A mail's words for one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// For programs that show text.
    pub text: String,
    /// For those that show HTML; `None` where the template has none.
    pub html: Option<String>,
}

impl Templates {
    /// Those that come along.
    ///
    /// # Errors
    /// One of them is wrong; a test sees to it that none is.
    pub fn built_in() -> Result<Templates, TemplateError> {
        let mut templates = Templates::empty();
        for (name, language, part, text) in BUILT_IN {
            templates.add(name, language, part, text, &file_name(name, language, part))?;
        }
        templates.complete()?;
        Ok(templates)
    }

    /// Those that come along, and over them those of a folder with a folder for each template: NAME/LANGUAGE.PART.hbs,
    /// as `missed/en.subject.hbs`. Without the folder, only those that come along.
    ///
    /// # Errors
    /// A file cannot be read, has a name that means nothing here, or has what a mail must not have.
    pub fn load(folder: &Path) -> Result<Templates, TemplateError> {
        let mut templates = Templates::built_in()?;
        if !folder.exists() {
            return Ok(templates);
        }
        for own in visible(folder)? {
            let path = folder.join(&own);
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if !path.is_dir() || !own.chars().all(is_name) {
                let sentence = "is no folder of a template; name one with a-z, 0-9 and _, and put its files into it";
                return Err(TemplateError {
                    place: path.display().to_string(),
                    line: None,
                    sentence: sentence.to_owned(),
                });
            }
            for file in visible(&path)? {
                templates.add_file(&own, &path.join(&file), &file)?;
            }
            if templates.known.len() > TEMPLATES_MAX {
                let sentence = format!("has more than {TEMPLATES_MAX} templates");
                return Err(TemplateError { place: folder.display().to_string(), line: None, sentence });
            }
        }
        templates.complete()?;
        Ok(templates)
    }

    /// The names that an action may say.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// Fills a template in for one reader, at a moment (UTC, milliseconds). Templates see the fields of `data`, and
    /// under `mail` whom it is for.
    ///
    /// # Errors
    /// There is no such template, or the data has not what it wants: named with its field.
    pub fn render(
        &self,
        name: &str,
        reader: &Recipient,
        data: &Value,
        directory: &Directory,
        at_ms: i64,
    ) -> Result<Rendered, TemplateError> {
        let told = |sentence: String| TemplateError { place: name.to_owned(), line: None, sentence };
        let Some(languages) = self.known.get(name) else {
            let known = self.names().collect::<Vec<_>>().join(", ");
            return Err(told(format!("is not there; there are {known}")));
        };
        let of_site = directory.first_site().map(directory::Site::language).unwrap_or_default();
        let wanted = [reader.language, of_site, Language::En].into_iter().find(|l| languages.contains(l));
        let language = wanted.or_else(|| languages.first().copied()).unwrap_or_default();
        let mut context = match data {
            Value::Object(fields) => fields.clone(),
            Value::Null => Map::new(),
            _ => return Err(told("wants its data as an object, {\"field\": value}".to_owned())),
        };
        let mail = json!({
            "name": reader.name,
            "address": reader.address,
            "language": language.word(),
            "zone": reader.zone.name(),
            "at_ms": at_ms,
            "names": names_in(data, directory),
        });
        context.insert(MAIL_KEY.to_owned(), mail);
        let context = Value::Object(context);
        let has_html = self.html.has_template(&file_name(name, language, Part::Html));
        let subject = fill(&self.plain, &file_name(name, language, Part::Subject), &context)?;
        let text = fill(&self.plain, &file_name(name, language, Part::Text), &context)?;
        let html = has_html.then(|| fill(&self.html, &file_name(name, language, Part::Html), &context)).transpose()?;
        Ok(Rendered { subject: one_line(&subject), text, html })
    }

    fn empty() -> Templates {
        let registry = |escape: fn(&str) -> String| {
            let mut registry = Handlebars::new();
            registry.set_strict_mode(true);
            registry.register_escape_fn(escape);
            functions::register(&mut registry);
            registry
        };
        Templates {
            plain: registry(handlebars::no_escape),
            html: registry(handlebars::html_escape),
            known: BTreeMap::new(),
        }
    }

    fn add_file(&mut self, name: &str, path: &Path, file: &str) -> Result<(), TemplateError> {
        let place = path.display().to_string();
        let told = |sentence: String| TemplateError { place: place.clone(), line: None, sentence };
        let kind = Language::ALL.into_iter().find_map(|language| {
            let part = file.strip_prefix(language.word())?.strip_prefix('.')?.strip_suffix(".hbs")?;
            Part::ALL.into_iter().find(|p| p.word() == part).map(|part| (language, part))
        });
        let Some((language, part)) = kind else {
            let languages = Language::ALL.map(Language::word).join(" or ");
            return Err(told(format!(
                "is no part of a template; name it LANGUAGE.PART.hbs, with {languages} and subject, text or html"
            )));
        };
        let size = std::fs::metadata(path).map_err(|error| told(format!("cannot be read: {error}")))?.len();
        if size > TEMPLATE_BYTES_MAX {
            return Err(told(format!("has {size} bytes, and at most {TEMPLATE_BYTES_MAX} are read")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| told(format!("cannot be read: {error}")))?;
        self.add(name, language, part, &text, &place)
    }

    fn add(
        &mut self,
        name: &str,
        language: Language,
        part: Part,
        text: &str,
        place: &str,
    ) -> Result<(), TemplateError> {
        let refused = |r: walk::Refused| TemplateError { place: place.to_owned(), line: r.line, sentence: r.why };
        let template = walk::read(text, part == Part::Html).map_err(refused)?;
        let registry = if part == Part::Html { &mut self.html } else { &mut self.plain };
        registry.register_template(&file_name(name, language, part), template);
        self.known.entry(name.to_owned()).or_default().insert(language);
        Ok(())
    }

    /// Whoever has one part of a language has those that no mail can do without.
    fn complete(&self) -> Result<(), TemplateError> {
        for (name, languages) in &self.known {
            for (language, part) in languages.iter().flat_map(|l| [(*l, Part::Subject), (*l, Part::Text)]) {
                let file = file_name(name, language, part);
                if !self.plain.has_template(&file) {
                    let sentence = format!("has no {file}: a mail needs a subject and a text in each of its languages");
                    return Err(TemplateError { place: name.clone(), line: None, sentence });
                }
            }
        }
        Ok(())
    }
}

fn file_name(name: &str, language: Language, part: Part) -> String {
    format!("{name}/{}.{}.hbs", language.word(), part.word())
}

/// What is in a folder, in order; names that begin with a dot are those of other programs.
fn visible(folder: &Path) -> Result<Vec<String>, TemplateError> {
    let told = |error: io::Error| TemplateError {
        place: folder.display().to_string(),
        line: None,
        sentence: format!("cannot be read: {error}"),
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(told)? {
        names.push(entry.map_err(told)?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

fn fill(registry: &Handlebars<'static>, file: &str, context: &Value) -> Result<String, TemplateError> {
    let mut written = Bounded { bytes: Vec::new() };
    registry.render_to_write(file, context, &mut written).map_err(|error| not_filled(file, &error))?;
    String::from_utf8(written.bytes).map_err(|error| TemplateError {
        place: file.to_owned(),
        line: None,
        sentence: error.to_string(),
    })
}

fn not_filled(file: &str, error: &RenderError) -> TemplateError {
    let sentence = match error.reason() {
        RenderErrorReason::MissingVariable(Some(field)) => format!("wants `{field}`, which its data has not"),
        RenderErrorReason::MissingVariable(None) => "wants a field that its data has not".to_owned(),
        other => other.to_string(),
    };
    TemplateError { place: file.to_owned(), line: error.line_no, sentence }
}

/// Takes no more than a mail may have.
struct Bounded {
    bytes: Vec<u8>,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > RENDERED_BYTES_MAX {
            return Err(io::Error::other(format!("becomes longer than {RENDERED_BYTES_MAX} bytes")));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nothing that could begin another header, or turn the direction of the text around.
pub(crate) fn one_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    let is_break = |c: char| c.is_whitespace() || c.is_control();
    let words = text.split(is_break).map(|word| word.chars().filter(|c| !turns(*c)).collect::<String>());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SUBJECT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The names of the people and groups whose ids are in the data.
fn names_in(data: &Value, directory: &Directory) -> Map<String, Value> {
    let mut names = Map::new();
    let mut todo = vec![(None, data)];
    while let Some((key, value)) = todo.pop() {
        match value {
            Value::Object(fields) => todo.extend(fields.iter().map(|(key, value)| (Some(key.as_str()), value))),
            Value::Array(entries) => todo.extend(entries.iter().map(|entry| (key, entry))),
            Value::String(text) => {
                let id = if key == Some("person") { format!("person:{text}") } else { text.clone() };
                let name = match id.split_once(':') {
                    Some(("person", id)) => directory.person(id).map(|p| &p.name),
                    Some(("group", id)) => directory.group(id).map(|g| &g.name),
                    _ => None,
                };
                if let Some(name) = name {
                    names.insert(id, name.as_str().into());
                }
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests;
