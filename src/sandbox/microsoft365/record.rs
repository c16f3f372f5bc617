//! What the record keeps of requests to Microsoft's services.

use super::guid::Guid;
use crate::sandbox::server::record::Shape;

pub const SHAPE: Shape = Shape {
    headers: &[
        "prefer",
        "x-prefer",
        "x-anchormailbox",
        "x-responseformat",
        "x-serializationlevel",
        "content-type",
        "consistencylevel",
    ],
    form_fields: &["grant_type", "scope", "client_assertion_type"],
    texts: &["CmdletName", "@odata.type", "ResultSize", "method"],
    filters: &["filter"],
    urls: &["url"],
    opaque: &["skiptoken", "deltatoken"],
    constants: &["latest"],
    id: |text| text.get(..GUID).filter(|start| Guid::parse(start).is_ok()).map(str::len),
};

/// Characters of a GUID with its hyphens.
const GUID: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::server::call::Call;
    use crate::sandbox::server::record::Record;
    use axum::http::{HeaderMap, Method};

    #[test]
    fn a_line_has_the_shape_and_no_value() {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert("authorization", "Bearer secret".parse().unwrap());
        let id = "11111111-2222-3333-4444-555555555555";
        let body = r##"{"CmdletInput":{"CmdletName":"Set-MailContact","Parameters":{"Identity":"x","EmailAddresses":{"@odata.type":"#Exchange.GenericHashTable","Add":["a@b","c@d"]},"Filter":"Name -eq 'O''Brien' -and x -like 'y*'"}}}"##;
        let call = Call {
            method: Method::POST,
            path: format!("/adminapi/beta/{id}/InvokeCommand"),
            query: vec![("$select".to_owned(), "Name,Guid".to_owned()), ("$skiptoken".to_owned(), "abc".to_owned())],
            headers,
            body: body.into(),
            base_url: "http://x".to_owned(),
        };
        let record = Record::default();
        record.add(&call, &SHAPE, &[id.to_owned()]);
        assert_eq!(
            record.lines(),
            [
                "POST /adminapi/beta/{tenant}/InvokeCommand?$select=Name,Guid&$skiptoken={opaque} content-type: application/json \
             {CmdletInput: {CmdletName: \"Set-MailContact\", Parameters: {EmailAddresses: {@odata.type: \"#Exchange.GenericHashTable\", Add: [text]}, \
             Filter: \"Name -eq '…' -and x -like '…'\", Identity: text}}}"
            ]
        );
    }
}
