//! Whether contacts can be written, found out without leaving traces: each writing cmdlet is called on something
//! that cannot be, and says whether it may be called at all.

use super::cmdlet::{Call, Failed, quoted};
use super::cmdlet_error::{CmdletErrorKind, role};
use super::target::{Microsoft365Target, accepted_domains};
use crate::directory::Error;
use crate::http::new_id;
use crate::model::OwnerMark;
use crate::model::observed::Verification;

const SAMPLE: u32 = 50;

pub(super) async fn verify(target: &Microsoft365Target) -> Result<Verification, Error> {
    let domains = accepted_domains(target.exchange()).await?;
    owner_attribute_is_free(target).await?;
    let mut missing: Vec<&'static str> = Vec::new();
    let mut unexpected = Vec::new();
    for (cmdlet, call) in probes() {
        match target.exchange().run(&call).await {
            Err(Failed::Cmdlet(error)) => match error.kind {
                CmdletErrorKind::NotFound | CmdletErrorKind::Incomplete => {}
                CmdletErrorKind::NotGranted => missing.push(cmdlet),
                _ => unexpected.push(format!("{cmdlet} could not be tried out: {}", error.hint())),
            },
            Err(failed @ Failed::Error(_)) => return Err(failed.into_error(cmdlet)),
            Ok(_) => unexpected.push(format!("{cmdlet} answered to nothing in particular; its right is not known")),
        }
    }
    let mut warnings = Vec::new();
    for right in ["Mail Recipient Creation", "Mail Recipients"] {
        let cmdlets: Vec<&str> = missing.iter().copied().filter(|cmdlet| role(cmdlet) == right).collect();
        if !cmdlets.is_empty() {
            warnings.push(format!(
                "cannot write: the application may not call {}; give it the Exchange role {right}, or \
                 Exchange Recipient Administrator in Entra",
                cmdlets.join(" and ")
            ));
        }
    }
    warnings.extend(unexpected);
    Ok(Verification {
        identity: target.reader().scope.target.to_string(),
        can_read: true,
        can_write: missing.is_empty(),
        domains,
        warnings,
        credential_expires: target.sessions.account.credential.expires(),
    })
}

/// Calls that change nothing: on an id that nobody has, and without the parameters that must be there.
fn probes() -> [(&'static str, Call); 4] {
    let nobody = |cmdlet| Call::new(cmdlet).with("Identity", new_id());
    [
        ("New-MailContact", Call::new("New-MailContact")),
        ("Set-MailContact", nobody("Set-MailContact").with("DisplayName", "GalSync")),
        ("Set-Contact", nobody("Set-Contact").with("DisplayName", "GalSync")),
        ("Remove-MailContact", nobody("Remove-MailContact").with("Confirm", false)),
    ]
}

async fn owner_attribute_is_free(target: &Microsoft365Target) -> Result<(), Error> {
    let attribute = &target.reader().owner_attribute;
    let filter = format!("{attribute} -ne $null -and {attribute} -notlike {}", quoted("gs*"));
    let others = Call::new("Get-Recipient").with("Filter", filter).with("ResultSize", SAMPLE);
    let alike =
        Call::new("Get-Recipient").with("Filter", format!("{attribute} -like 'gs*'")).with("ResultSize", SAMPLE);
    for call in [others, alike] {
        let rows = target.exchange().run(&call.select([attribute.as_str()])).await;
        let rows = rows.map_err(|failed| failed.into_error("Get-Recipient"))?;
        if !rows.iter().filter_map(|row| row.text(attribute)).all(OwnerMark::looks_like) {
            return Err(Error::OwnerAttributeInUse { attribute: attribute.clone() });
        }
    }
    Ok(())
}
