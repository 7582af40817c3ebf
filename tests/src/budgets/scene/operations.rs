//! What operators, monitors and readers ask.

use http::Method;

use super::Scene;

impl Scene {
    pub(super) fn operations(&mut self) {
        let well_known = ["/.well-known/jwks.json", "/openapi.json", "/docs"];
        for path in ["/health", "/ready", "/api/v2/health", "/api/v2/info"].into_iter().chain(well_known) {
            self.add(&format!("GET {path}"), "", 200, self.api.get(path));
        }
        self.add("GET /docs/{file}", "", 200, self.api.get("/docs/page.js"));
        self.add("GET /metrics", "", 200, self.admins(Method::GET, "/metrics"));
        for (path, query) in
            [("/debug/pprof", ""), ("/debug/pprof/heap", ""), ("/debug/pprof/profile", "?seconds=1")]
        {
            let call = self.admins(Method::GET, &format!("{path}{query}"));
            self.add(&format!("GET {path}"), "", 200, call);
        }
        let call = self.admins(Method::GET, "/api/v1/admin/db");
        self.add("GET /api/v1/admin/db", "", 200, call);
    }
}
