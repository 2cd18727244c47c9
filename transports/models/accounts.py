"""Who somebody on a network is here."""

from django.db import models

from hub.models import Member

from .networks import Network


class ChatAccount(models.Model):
    """An account over there and the member it acts as. Rights hang on it once it is linked;
    one that is not linked is a guest and commands nothing.
    """

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="accounts")
    external_id = models.CharField(max_length=250)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="chat_accounts")
    is_linked = models.BooleanField(default=False)
    name = models.CharField(max_length=120, blank=True, help_text="as it was shown last")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "chat account"
        constraints = [
            models.UniqueConstraint(fields=["network", "external_id"], name="chat_account_once"),
        ]

    def __str__(self) -> str:
        return self.external_id


class LinkCode(models.Model):
    """A code that a member types from an account to make it theirs; only its SHA-256 is kept."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="link_codes")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "link code"

    def __str__(self) -> str:
        return f"code of member {self.member_id}"
