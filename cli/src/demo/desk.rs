//! People at the office: they sign in to the console and send its forms, as a browser would.

use anyhow::{Context as _, bail};
use ureq::tls::RootCerts;
use xuncheng_core::id::Nonce;

use super::cast::ShownCase;
use crate::{driver, machine};

/// A person's session at the console.
pub(super) struct Desk {
    agent: ureq::Agent,
    address: String,
    cookie: String,
}

impl Desk {
    /// Signs `person` in at the console at `address`.
    pub(super) fn sign_in(address: &str, person: &str) -> anyhow::Result<Self> {
        let mut desk =
            Self { agent: driver::agent(RootCerts::WebPki), address: address.to_owned(), cookie: String::new() };
        let answer = desk.post("/sign-in", &[("person", person), ("next", "/")])?;
        let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).context("the console gave no session")?;
        desk.cookie = cookie.to_owned();
        Ok(desk)
    }

    /// Takes a step of a case that was shown as `case`.
    pub(super) fn step(&self, case: &ShownCase, step: &str, more: &[(&str, &str)]) -> anyhow::Result<()> {
        let token = Nonce::from_bytes(machine::seed()?.entropy().bytes()).to_string();
        let seen = case.view["version"].to_string();
        let round = case.view["round"].to_string();
        let mut form =
            vec![("token", token.as_str()), ("seen", &seen), ("from", &case.summary.state), ("round", &round)];
        form.extend(more);
        let answer = self.post(&format!("/cases/{}/steps/{step}", case.summary.id), &form)?;
        // The console answers a form with a redirect to the case, which says what came of it.
        if answer.status().as_u16() != 303 {
            bail!("the console answered {step} with {}", answer.status());
        }
        Ok(())
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> anyhow::Result<ureq::http::Response<ureq::Body>> {
        let mut request = self.agent.post(format!("{}{path}", self.address)).header("Origin", &self.address);
        if !self.cookie.is_empty() {
            request = request.header("Cookie", &self.cookie);
        }
        Ok(request.send_form(form.iter().copied())?)
    }
}
