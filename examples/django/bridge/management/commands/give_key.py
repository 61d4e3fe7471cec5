"""Gives a user the virtual key that is in the environment, and makes the user where there is none."""

import os

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridge.models import ConduitKey


class Command(BaseCommand):
    help = "Gives a user the virtual key in CONDUIT_KEY; a new user gets the password in STUDIO_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, username: str, **_: object) -> None:
        key = os.environ.get("CONDUIT_KEY")
        if not key:
            raise CommandError("CONDUIT_KEY is not set")
        user, created = get_user_model().objects.get_or_create(username=username)
        if created:
            password = os.environ.get("STUDIO_PASSWORD")
            if not password:
                user.delete()
                raise CommandError(f"{username} is new: set STUDIO_PASSWORD")
            user.set_password(password)
            user.save()
        ConduitKey.objects.update_or_create(user=user, defaults={"virtual_key": key})
        self.stdout.write(f"{username} has the key")
