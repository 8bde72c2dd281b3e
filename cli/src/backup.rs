#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {}
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {}
pub(crate) fn backup(_: &BackupArgs) -> anyhow::Result<()> {
    anyhow::bail!("not yet")
}
pub(crate) fn restore(_: &RestoreArgs) -> anyhow::Result<()> {
    anyhow::bail!("not yet")
}
