// A browser may keep a page to show it again at once when its reader goes back,
// although the server forbids that. By then they may be signed out, by another
// device too: so a page hides before it is kept, and is loaded anew.
addEventListener("pagehide", () => { document.documentElement.hidden = true })
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload()
  }
})
