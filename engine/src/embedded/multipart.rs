//! `multipart/form-data`, by which clients send a query and its parameters when a URL would be too long.

use super::exception::{self, Exception};

/// One field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub name: String,
    pub value: String,
}

/// The boundary of a Content-Type header, if it is a form's.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';');
    if !parts.next()?.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parts.find_map(|part| part.trim().strip_prefix("boundary=")).map(|value| value.trim_matches('"'))
}

/// Reads a whole form. A file in it would be an external table, which this interface does not have.
pub(crate) fn fields(body: &[u8], boundary: &str) -> Result<Vec<Field>, Exception> {
    let delimiter = format!("--{boundary}").into_bytes();
    let inner = [b"\r\n", &delimiter[..]].concat();
    let mut rest = body.strip_prefix(&delimiter[..]).ok_or_else(|| broken("it does not begin with its boundary"))?;
    let mut fields = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(fields);
        }
        rest = rest.strip_prefix(b"\r\n").ok_or_else(|| broken("a boundary is followed by no line break"))?;
        let head_end =
            memchr::memmem::find(rest, b"\r\n\r\n").ok_or_else(|| broken("a field has no end of its head"))?;
        let head = String::from_utf8_lossy(&rest[..head_end]).into_owned();
        rest = &rest[head_end + 4..];
        let length = memchr::memmem::find(rest, &inner).ok_or_else(|| broken("it is cut short"))?;
        let value = &rest[..length];
        rest = &rest[length + inner.len()..];

        let name = attribute(&head, "name").ok_or_else(|| broken("a field has no name"))?;
        if attribute(&head, "filename").is_some() {
            let what = format!("External tables in a form (`{name}`) are not implemented: use a temporary table");
            return Err(Exception::new(exception::NOT_IMPLEMENTED, what));
        }
        fields.push(Field { name, value: String::from_utf8_lossy(value).into_owned() });
    }
}

/// `name="value"` of the Content-Disposition line.
fn attribute(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    line.split(';')
        .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
        .map(|value| value.trim_matches('"').to_string())
}

fn broken(what: &str) -> Exception {
    Exception::new(exception::BAD_REQUEST_PARAMETER, format_args!("The form in the body is broken: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--xyz\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT 1\r\n--xyz\r\n\
                        Content-Disposition: form-data; name=\"param_a\"\r\nContent-Type: text/plain\r\n\r\nї\r\n\r\n--xyz--\r\n";

    #[test]
    fn fields_are_read() {
        let fields = fields(FORM.as_bytes(), "xyz").expect("a form");
        let pairs: Vec<_> = fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
        assert_eq!(pairs, [("query", "SELECT 1"), ("param_a", "ї\r\n")]);
    }

    #[test]
    fn a_cut_or_strange_form_is_refused() {
        for length in 0..FORM.len() - 4 {
            assert!(fields(&FORM.as_bytes()[..length], "xyz").is_err(), "{length}");
        }
        let file = FORM.replace("name=\"param_a\"", "name=\"t\"; filename=\"t.csv\"");
        assert_eq!(fields(file.as_bytes(), "xyz").map_err(|error| error.code), Err(exception::NOT_IMPLEMENTED));
    }

    #[test]
    fn the_boundary_is_found() {
        assert_eq!(boundary("multipart/form-data; boundary=xyz"), Some("xyz"));
        assert_eq!(boundary("Multipart/Form-Data; charset=utf-8; boundary=\"x y\""), Some("x y"));
        assert_eq!(boundary("application/x-www-form-urlencoded"), None);
        assert_eq!(boundary(""), None);
    }
}
