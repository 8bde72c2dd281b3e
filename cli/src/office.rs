#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {}
#[derive(Debug, clap::Args)]
pub(crate) struct CodeArgs {}
#[derive(Debug, clap::Args)]
pub(crate) struct DeviceArgs {}
pub(crate) fn serve(_: &ServeArgs) -> anyhow::Result<()> {
    anyhow::bail!("not yet")
}
pub(crate) fn code(_: &CodeArgs) -> anyhow::Result<()> {
    anyhow::bail!("not yet")
}
pub(crate) fn device(_: &DeviceArgs) -> anyhow::Result<()> {
    anyhow::bail!("not yet")
}
