//! What can go wrong in the console, as pages that say what to do.

use askama::Template;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use xuncheng_core::photo::PhotoError;
use xuncheng_core::store::StoreError;

use super::frame::Frame;
use crate::{OfficeError, bare};

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
    /// There is a page at this address, and nothing can be posted to it, or only posted.
    #[error("the page does not answer to this method")]
    Method,
    /// The form has more content than any of the console's.
    #[error("the form is too long")]
    TooLong,
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
    back: Back,
}

/// The way back from a page that is none.
struct Back {
    href: &'static str,
    label: &'static str,
}

const TO_CASES: Back = Back { href: "/", label: "回到案件列表" };
const TO_PHONES: Back = Back { href: "/phones", label: "回到手机" };

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
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "这个地址不能这样打开",
                "这里只接收页面上的按钮或链接发出的请求，没有写入任何内容。",
                "请从案件列表进入，使用页面上的按钮办理。",
            ),
            Self::TooLong => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "提交的内容过长",
                "没有写入任何内容。",
                "请返回上一页，缩短填写的文字后再提交。",
            ),
            Self::Forbidden(text) => (StatusCode::FORBIDDEN, "没有权限", text, "请由有权限的人员登录后办理。"),
            Self::Junk(text) => (StatusCode::BAD_REQUEST, "内容无法识别", text, "请返回上一页检查后再提交。"),
            Self::Office(OfficeError::NotFound) => Self::NotFound.told(),
            Self::Office(OfficeError::UnknownDevice) => (
                StatusCode::NOT_FOUND,
                "没有这部手机",
                "没有登记过这部手机，没有写入任何内容。",
                "请回到“手机”页，从列表里选择。",
            ),
            Self::Office(OfficeError::NoCode(_)) => (
                StatusCode::NOT_FOUND,
                "没有这个登记码",
                "没有这个编号的登记码，没有写入任何内容。",
                "请回到“手机”页，核对编号后再作废。",
            ),
            Self::Office(OfficeError::CodeUsed(_)) => (
                StatusCode::CONFLICT,
                "登记码已经用过",
                "已有手机用它登记，作废登记码不会停用那部手机。",
                "如果要停用手机，请回到“手机”页，在那部手机后面点“停用”。",
            ),
            Self::Office(
                OfficeError::Store(StoreError::DiskFull) | OfficeError::Photo(PhotoError::DiskFull { .. }),
            ) => (
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

impl ConsoleError {
    const fn back(&self) -> Back {
        let of_phones = matches!(
            self,
            Self::Office(OfficeError::NoCode(_) | OfficeError::CodeUsed(_) | OfficeError::UnknownDevice)
        );
        if of_phones { TO_PHONES } else { TO_CASES }
    }
}

/// What the framework refuses by itself, and a panic, as pages too.
pub(super) async fn as_page(request: Request, next: Next) -> Response {
    let response = bare::contained(request, next).await;
    let Some(status) = bare::refused(&response, "text/html") else { return response };
    let page = match status {
        StatusCode::NOT_FOUND => ConsoleError::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ConsoleError::Method,
        StatusCode::PAYLOAD_TOO_LARGE => ConsoleError::TooLong,
        status if status.is_client_error() => ConsoleError::Junk("地址或表单里有内容无法识别，没有写入任何内容。"),
        _ => ConsoleError::Office(OfficeError::Panic),
    };
    bare::in_its_place(response, page.into_response())
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
        let page =
            ErrorPage { frame: Frame::for_all("", title), status: status.as_u16(), text, next, back: self.back() };
        match page.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(_) => (status, format!("{title}：{text}{next}")).into_response(),
        }
    }
}
