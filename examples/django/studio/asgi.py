"""HTTP goes to Django, browsers' sockets to the bridge: with the session's user, and only from pages of our own hosts."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
django_application = get_asgi_application()

# Has models, so only after Django has been set up.
from bridge.consumers import ConduitConsumer  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter([path("ws/conduit/", ConduitConsumer.as_asgi())]))
        ),
    }
)
