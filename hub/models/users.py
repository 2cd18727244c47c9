"""People who log in. What they may do in a project is their Member's business."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person with a login; `is_staff` opens the operators' admin."""

    display_name = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = "user"
