"""Compressed text: pages, styles, scripts and the icons; everything else goes as it is."""

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

KINDS = {"text/html", "text/css", "text/javascript", "image/svg+xml"}


class CompressText(GZipMiddleware):
    """Send text compressed to browsers that take it.

    Django's own would compress fonts and the API's answers too, and send static files in pieces.
    It adds random bytes against BREACH, which guesses a page's secrets by its length.
    """

    async_capable = False  # below it all is sync: one more hop between threads saved

    def process_request(self, request: HttpRequest) -> None:
        """Let whitenoise know its tag again, which became a weak one by compressing."""
        tag = request.META.get("HTTP_IF_NONE_MATCH", "")
        if tag.startswith('W/"'):
            request.META["HTTP_IF_NONE_MATCH"] = tag.removeprefix("W/")

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Compress one answer if it is text, whole and good."""
        kind = response.get("Content-Type", "").partition(";")[0]
        if kind not in KINDS or response.status_code == 206:
            return response
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            whole = b"".join(response)
            response.close()
            response = HttpResponse(whole, status=response.status_code, headers=response.headers)
        return super().process_response(request, response)
