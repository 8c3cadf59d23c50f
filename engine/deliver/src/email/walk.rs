//! What a template must not have: partials, decorators, triple braces, unknown functions, links that are not checked.
//! The walk goes over the parsed template, also makes `if` and `each` refuse what is missing, and runs before it is used.

use std::collections::HashMap;

use handlebars::Template;
use handlebars::template::{HelperTemplate, Parameter, Subexpression, TemplateElement};

use super::functions::{self, NEEDED};

/// Blocks inside blocks, and brackets inside brackets: deeper ones could exhaust the stack of whoever reads them.
const DEPTH_MAX: usize = 12;

/// Lists inside lists that one mail goes through.
const EACH_DEPTH_MAX: usize = 2;

/// Attributes that are links, in lower case.
const LINKS: [&str; 11] =
    ["href", "src", "action", "formaction", "background", "xlink:href", "srcset", "poster", "data", "cite", "ping"];

/// Attributes whose values are programs or documents of their own, beside those that begin with `on`.
const PROGRAMS: [&str; 2] = ["style", "srcdoc"];

/// A place in a template where it does what it must not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) line: Option<usize>,
    pub(crate) why: String,
}

/// Reads a template and checks all of it.
pub(crate) fn read(text: &str, is_html: bool) -> Result<Template, Refused> {
    check_depth(text)?;
    let mut template = Template::compile(text).map_err(|error| {
        let (line, _) = error.pos().unzip();
        Refused { line, why: error.reason().to_string() }
    })?;
    let mut walk = Walk { is_html, html: String::new() };
    walk.template(&mut template, 0)?;
    Ok(template)
}

/// Before the parser sees it: it calls itself for each block and bracket.
fn check_depth(text: &str) -> Result<(), Refused> {
    let (mut blocks, mut brackets, mut in_tag) = (0_usize, 0_usize, false);
    let mut line = 1;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '\n' {
            line += 1;
        }
        if rest.starts_with("{{") {
            in_tag = true;
            brackets = 0;
            let inside = rest.trim_start_matches('{').trim_start_matches('~');
            if inside.starts_with(['#', '^', '>', '*', '&']) {
                blocks += 1;
            } else if inside.starts_with('/') {
                blocks = blocks.saturating_sub(1);
            }
            rest = inside;
            continue;
        }
        if rest.starts_with("}}") {
            in_tag = false;
        } else if in_tag && matches!(c, '(' | '[' | '{') {
            brackets += 1;
        } else if in_tag && matches!(c, ')' | ']' | '}') {
            brackets = brackets.saturating_sub(1);
        }
        if blocks > DEPTH_MAX || brackets > DEPTH_MAX {
            return Err(Refused { line: Some(line), why: format!("is more than {DEPTH_MAX} blocks or brackets deep") });
        }
        rest = &rest[c.len_utf8()..];
    }
    Ok(())
}

struct Walk {
    is_html: bool,
    /// What stands before the place in question, since the last tag of HTML began.
    html: String,
}

impl Walk {
    fn template(&mut self, template: &mut Template, each_depth: usize) -> Result<(), Refused> {
        let lines: Vec<usize> = template.mapping.iter().map(|at| at.0).collect();
        for (index, element) in template.elements.iter_mut().enumerate() {
            let line = lines.get(index).copied();
            let refused = |why: String| Refused { line, why };
            match element {
                TemplateElement::RawString(text) => self.html.push_str(text),
                TemplateElement::Comment(_) => {}
                TemplateElement::Expression(expression) => {
                    let name = called(expression).map_err(refused)?;
                    check_arguments(&expression.params, &expression.hash).map_err(refused)?;
                    self.check_place(name.as_deref()).map_err(refused)?;
                    // Something without quotes stands here.
                    self.html.push('x');
                }
                TemplateElement::HelperBlock(block) => {
                    let name = called(block).map_err(refused)?.unwrap_or_default();
                    if !matches!(name.as_str(), "if" | "unless" | "each" | "with") {
                        return Err(refused(format!("{name} is no block; there are if, unless, each, with")));
                    }
                    check_arguments(&block.params, &block.hash).map_err(refused)?;
                    let each_depth = each_depth + usize::from(name == "each");
                    if each_depth > EACH_DEPTH_MAX {
                        return Err(refused(format!("goes through lists more than {EACH_DEPTH_MAX} deep")));
                    }
                    refuse_what_is_missing(block);
                    for inner in [&mut block.template, &mut block.inverse].into_iter().flatten() {
                        self.template(inner, each_depth)?;
                    }
                }
                TemplateElement::HtmlExpression(_) => {
                    return Err(refused("writes without escaping: two braces, not three, and no &".to_owned()));
                }
                TemplateElement::PartialExpression(_) | TemplateElement::PartialBlock(_) => {
                    return Err(refused("includes another template, which mails cannot".to_owned()));
                }
                TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                    return Err(refused("has a decorator, which mails cannot have".to_owned()));
                }
                // The library may learn more: what is not known is not checked.
                _ => return Err(refused("has something that mails cannot have".to_owned())),
            }
        }
        Ok(())
    }

    /// Whether something of the data may stand here.
    fn check_place(&self, helper: Option<&str>) -> Result<(), String> {
        if !self.is_html {
            return Ok(());
        }
        let html = self.html.to_ascii_lowercase();
        for (opened, closed) in [("<script", "</script"), ("<style", "</style")] {
            if html.rfind(opened).is_some_and(|at| !html[at..].contains(closed)) {
                return Err(format!("puts data into {opened}>, where it cannot be escaped"));
            }
        }
        let Some(tag) = html.rfind('<').map(|at| &html[at..]).filter(|tag| !closes(tag)) else { return Ok(()) };
        match Attribute::open_at_the_end_of(tag) {
            None => Err("puts data into a tag outside of quotes: write name=\"…\"".to_owned()),
            Some(Attribute { name, .. }) if PROGRAMS.contains(&name) || name.starts_with("on") => {
                Err(format!("puts data into the attribute {name}, where it cannot be escaped"))
            }
            Some(Attribute { name, value }) if LINKS.contains(&name) => {
                let has_scheme = ["https://", "http://", "mailto:", "tel:"].iter().any(|s| value.starts_with(s));
                if has_scheme || value.is_empty() && helper == Some("url") {
                    Ok(())
                } else {
                    Err(format!("puts data into {name} unchecked: write {name}=\"{{{{url …}}}}\""))
                }
            }
            Some(_) => Ok(()),
        }
    }
}

/// An attribute whose value has begun and not ended.
struct Attribute<'h> {
    name: &'h str,
    value: &'h str,
}

impl Attribute<'_> {
    fn open_at_the_end_of(tag: &str) -> Option<Attribute<'_>> {
        let (mut open, mut before) = (None, 0);
        for (at, c) in tag.char_indices().filter(|(_, c)| matches!(c, '"' | '\'')) {
            match open {
                None => {
                    open = Some((at, c));
                    before = at;
                }
                Some((_, quote)) if quote == c => open = None,
                Some(_) => {}
            }
        }
        let (at, _) = open?;
        let name = tag[..before].trim_end().strip_suffix('=')?.trim_end();
        let name = name.rsplit(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '/')).next()?;
        Some(Attribute { name, value: tag[at + 1..].trim_start() })
    }
}

/// True if the tag that begins this text is over: a `>` outside of quotes.
fn closes(tag: &str) -> bool {
    let mut open = None;
    for c in tag.chars() {
        match (open, c) {
            (None, '>') => return true,
            (None, '"' | '\'') => open = Some(c),
            (Some(quote), c) if quote == c => open = None,
            _ => {}
        }
    }
    false
}

/// The helper that is called, if it is one; an error if nobody knows it.
fn called(expression: &HelperTemplate) -> Result<Option<String>, String> {
    let name = match &expression.name {
        Parameter::Name(name) => name.clone(),
        Parameter::Path(handlebars::Path::Relative((_, raw)) | handlebars::Path::Local((_, _, raw))) => raw.clone(),
        Parameter::Literal(_) => return Ok(None),
        Parameter::Subexpression(inner) => {
            check_subexpression(inner)?;
            return Ok(None);
        }
        _ => return Err("is not understood".to_owned()),
    };
    let is_call = expression.block || !expression.params.is_empty() || !expression.hash.is_empty();
    if !is_call && !functions::is_known(&name) && name != NEEDED {
        return Ok(None);
    }
    check_name(&name)?;
    Ok(Some(name))
}

fn check_name(name: &str) -> Result<(), String> {
    if functions::is_known(name) {
        return Ok(());
    }
    Err(format!("calls {name}, which is not there; there are {}", functions::names().collect::<Vec<_>>().join(", ")))
}

fn check_arguments(params: &[Parameter], hash: &HashMap<String, Parameter>) -> Result<(), String> {
    for parameter in params.iter().chain(hash.values()) {
        if let Parameter::Subexpression(inner) = parameter {
            check_subexpression(inner)?;
        }
    }
    Ok(())
}

fn check_subexpression(inner: &Subexpression) -> Result<(), String> {
    if let TemplateElement::Expression(inner) = inner.as_element() {
        called(inner)?;
        check_arguments(&inner.params, &inner.hash)?;
    }
    Ok(())
}

/// `{{#if a.b}}` becomes `{{#if (needed a.b)}}`: handlebars takes a missing field for false even where it is strict.
fn refuse_what_is_missing(block: &mut HelperTemplate) {
    for parameter in &mut block.params {
        if let Parameter::Path(handlebars::Path::Relative(_)) = parameter {
            let argument = std::mem::replace(parameter, Parameter::Literal(serde_json::Value::Null));
            let name = Parameter::Name(NEEDED.to_owned());
            *parameter = Parameter::Subexpression(Subexpression::new(name, vec![argument], HashMap::new()));
        }
    }
}
