from django.contrib.auth.views import LoginView
from django.urls import path

from bridge.views import studio

urlpatterns = [
    path("", studio, name="studio"),
    path("login/", LoginView.as_view(template_name="bridge/login.html"), name="login"),
]
