const errors = [];
addEventListener("error", (event) => errors.push(String(event.message)));
addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => errors.push(event.blockedURI));
for (const level of ["error", "warn"]) {
  console[level] = (...words) => errors.push(words.join(" "));
}
