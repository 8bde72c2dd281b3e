//! What can go wrong in the console, as pages that say what to do.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use xuncheng_core::store::StoreError;

use super::frame::Frame;
use crate::OfficeError;

/// Why the console shows no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConsoleError {
    /// The request does not come from this machine.
    #[error("the console answers on this machine only")]
    NotLocal,
    /// The form is another site's.
    #[error("the form does not come from the console")]
    OtherOrigin,
    /// Nobody is signed in; after signing in the browser goes to `next`.
    #[error("nobody is signed in")]
    SignedOut {
        /// The page that was asked for; none where something was to be done.
        next: Option<String>,
    },
    /// There is no such page, or not for this person.
    #[error("there is no such page")]
    NotFound,
    /// This person may not do that.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The form's content is not of its form.
    #[error("{0}")]
    Junk(&'static str),
    /// The office.
    #[error(transparent)]
    Office(#[from] OfficeError),
    /// A page could not be drawn.
    #[error("a page could not be drawn: {0}")]
    Page(askama::Error),
}

impl From<StoreError> for ConsoleError {
    fn from(error: StoreError) -> Self {
        Self::Office(error.into())
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    status: u16,
    text: &'static str,
    next: &'static str,
}

impl ConsoleError {
    fn told(&self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Self::NotLocal => (
                StatusCode::FORBIDDEN,
                "只能在办公室本机打开",
                "控制台目前没有密码，因此只回应本机的浏览器。",
                "请在运行办公室程序的电脑上，用它启动时显示的 127.0.0.1 地址打开。",
            ),
            Self::OtherOrigin => (
                StatusCode::FORBIDDEN,
                "这次提交不是从控制台发出的",
                "为防止其他网站冒用您的登录，来源不明的提交不予受理，也没有写入任何内容。",
                "请从控制台的页面重新提交。",
            ),
            Self::SignedOut { .. } => {
                (StatusCode::FORBIDDEN, "登录已失效", "没有写入任何内容。", "请重新登录后再提交。")
            }
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "没有找到",
                "没有这个页面，或者它不在您可以查看的范围内。",
                "请核对地址，或从案件列表进入。",
            ),
            Self::Forbidden(text) => (StatusCode::FORBIDDEN, "没有权限", text, "请由有权限的人员登录后办理。"),
            Self::Junk(text) => (StatusCode::BAD_REQUEST, "内容无法识别", text, "请返回上一页检查后再提交。"),
            Self::Office(OfficeError::NotFound | OfficeError::UnknownDevice) => Self::NotFound.told(),
            Self::Office(OfficeError::Store(StoreError::DiskFull)) => (
                StatusCode::INSUFFICIENT_STORAGE,
                "磁盘已满",
                "这次没有写入任何内容，已有的数据完好。",
                "请清理磁盘后再试。",
            ),
            Self::Office(_) | Self::Page(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "办公室程序出错",
                "这次没有写入任何内容，已有的数据完好。",
                "请稍后再试；如果反复出现，请把运行窗口里的提示告诉系统管理员。",
            ),
        }
    }
}

impl IntoResponse for ConsoleError {
    fn into_response(self) -> Response {
        if let Self::SignedOut { next: Some(next) } = &self {
            return Redirect::to(&super::sign_in::address(next)).into_response();
        }
        let (status, title, text, next) = self.told();
        if status.is_server_error() {
            tracing::error!(error = %self, "a page could not be shown");
        }
        let page = ErrorPage { frame: Frame::for_all("", title), status: status.as_u16(), text, next };
        match page.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(_) => (status, format!("{title}：{text}{next}")).into_response(),
        }
    }
}
