from django.conf import settings
from django.db import models


class ConduitKey(models.Model):
    """The virtual key a user's pictures are made with; several users may share one. It never leaves the server."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conduit_key")
    virtual_key = models.CharField(max_length=200)
