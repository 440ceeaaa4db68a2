// Adds to pages that work without it: upload progress, focus on problems, a menu that starts closed on phones.

// The only markup that is written from here is what this server has answered to a form of the page.
const plain = { createHTML: (text) => text };
const answered = window.trustedTypes ? window.trustedTypes.createPolicy("app", plain) : plain;

function enhance() {
  const problem = document.getElementById("problem");
  if (problem) problem.focus();

  const menu = document.querySelector(".rail details");
  if (menu && window.matchMedia("(max-width: 55rem)").matches) menu.removeAttribute("open");

  for (const form of document.querySelectorAll("form[data-upload]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = form.querySelector("button:not(.quiet)");
      if (button) button.disabled = true;
      const progress = document.createElement("progress");
      progress.max = 100;
      progress.value = 0;
      progress.setAttribute("aria-label", button ? button.textContent : "");
      form.append(progress);
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.upload.addEventListener("progress", (step) => {
        if (step.lengthComputable) progress.value = (100 * step.loaded) / step.total;
      });
      request.addEventListener("load", () => {
        // Some answers lead to a page at its own address; what became of each file is said only in the answer itself.
        if (request.responseURL && request.responseURL !== form.action) window.location.assign(request.responseURL);
        else {
          document.open();
          document.write(answered.createHTML(request.responseText));
          document.close();
          enhance();
        }
      });
      request.addEventListener("error", () => {
        progress.remove();
        if (button) button.disabled = false;
        form.submit();
      });
      request.send(new FormData(form));
    });
  }

  // A form that was sent once is not sent twice by an impatient second click.
  for (const form of document.querySelectorAll("form:not([data-upload])")) {
    form.addEventListener("submit", () => {
      setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }), 0);
    });
  }
}

enhance();
