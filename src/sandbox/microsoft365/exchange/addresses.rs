//! `-EmailAddresses`: a list that replaces, or values to add and to remove.

use super::cmdlet::Edit;
use super::error::CmdletError;
use crate::model::SmtpAddress;
use crate::sandbox::microsoft365::recipient::Recipient;

/// Most addresses of one object.
const MAX_ADDRESSES: usize = 400;

pub fn apply(recipient: &mut Recipient, edit: &Edit) -> Result<(), CmdletError> {
    let mut addresses = match edit {
        Edit::Replace(values) => values.iter().map(|value| checked(value)).collect::<Result<Vec<_>, _>>()?,
        Edit::Change { add, remove } => {
            let gone: Vec<String> = remove.iter().map(|value| checked(value)).collect::<Result<_, _>>()?;
            let mut kept = recipient.addresses.clone();
            kept.retain(|known| !gone.iter().any(|gone| same(known, gone)));
            for value in add {
                let value = checked(value)?;
                if value.starts_with("SMTP:") {
                    for known in &mut kept {
                        if let Some(old) = known.strip_prefix("SMTP:") {
                            *known = format!("smtp:{old}");
                        }
                    }
                }
                kept.retain(|known| !same(known, &value));
                kept.push(value);
            }
            kept
        }
    };
    // Without a primary the first secondary of a whole list becomes one.
    if !addresses.iter().any(|value| value.starts_with("SMTP:")) {
        let whole = matches!(edit, Edit::Replace(_));
        let first = addresses.iter_mut().find(|value| whole && value.starts_with("smtp:"));
        let first = first.ok_or(CmdletError::NoPrimary)?;
        *first = first.replacen("smtp:", "SMTP:", 1);
    }
    if addresses.iter().filter(|value| value.starts_with("SMTP:")).count() > 1 {
        return Err(CmdletError::BadRequest(
            "There are multiple primary SMTP addresses in this e-mail address collection.".to_owned(),
        ));
    }
    if addresses.len() > MAX_ADDRESSES {
        return Err(CmdletError::BadRequest(format!("The object may have at most {MAX_ADDRESSES} e-mail addresses.")));
    }
    recipient.addresses = addresses;
    Ok(())
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The value with its prefix in the form that is stored; without prefix it is a secondary SMTP address.
fn checked(value: &str) -> Result<String, CmdletError> {
    let value = value.trim();
    let wrong = || CmdletError::Transformation {
        parameter: "EmailAddresses".to_owned(),
        value: value.to_owned(),
        kind: "Microsoft.Exchange.Data.ProxyAddressCollection",
    };
    let (prefix, address) = value.split_once(':').unwrap_or(("smtp", value));
    let address = address.trim();
    match prefix {
        _ if address.is_empty() => Err(wrong()),
        "SMTP" | "smtp" => SmtpAddress::parse(address).map(|_| format!("{prefix}:{address}")).map_err(|_| wrong()),
        _ if prefix.eq_ignore_ascii_case("smtp") => Err(wrong()),
        _ if prefix.eq_ignore_ascii_case("x500") && !address.starts_with('/') => Err(wrong()),
        _ if prefix.len() <= 9 && prefix.chars().all(|c| c.is_ascii_alphanumeric()) => {
            Ok(format!("{prefix}:{address}"))
        }
        _ => Err(wrong()),
    }
}
