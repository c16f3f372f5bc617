//! Until when a certificate is good.

use jiff::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The end of the validity of a certificate in DER; `None` for what is no certificate.
pub fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let key = rcgen::KeyPair::generate().unwrap();
        // From 2050 on the date has another form.
        for (year, wanted) in [(2031, "2031-05-17T00:00:00Z"), (2061, "2061-05-17T00:00:00Z")] {
            let mut parameters = rcgen::CertificateParams::new(vec!["dc1.corp.example".to_owned()]).unwrap();
            parameters.not_after = rcgen::date_time_ymd(year, 5, 17);
            let certificate = parameters.self_signed(&key).unwrap();
            assert_eq!(not_after(certificate.der()).unwrap().to_string(), wanted);
        }
        assert_eq!(not_after(b"no certificate"), None);
    }
}
