"""The monolith's own application, asked by adapters of azure-functions."""

import asyncio
import importlib
import os
import threading

import azure.functions as func

from .places import look_up


def application(kind, what, is_made, modules):
    """The application, as it is called with a request and its context."""
    for module in modules:
        importlib.import_module(module)
    if kind == "django":
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", what)
        found = importlib.import_module("django.core.wsgi").get_wsgi_application()
    else:
        found = look_up(what)
        found = found() if is_made else found
    return Asgi(found) if kind == "asgi" else func.WsgiMiddleware(found).handle


class Asgi:
    """An application that is asked on a loop of its own, which it was started on."""

    def __init__(self, application):
        self.middleware = func.AsgiMiddleware(application)
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.wait(self.middleware.notify_startup())

    def __call__(self, request, context):
        return self.wait(self.middleware.handle_async(request, context))

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()
